/** Which containers get a model. */
import type { Config } from '../config/config.ts'
import type { Findings } from '../request/findings.ts'
import { annotationKey } from '../request/keys.ts'
import { annotationField } from '../pod/field-path.ts'
import { isOurLoader } from './parts.ts'
import { initContainersOf, type Container, type Pod } from '../pod/pod.ts'
import type { ModelRequest } from '../request/model-request.ts'

/** The containers of one model that is there after `start` other init containers; mistakes in the list go to `findings`. */
export function targetContainers(
  pod: Pod,
  model: ModelRequest,
  start: number,
  { config, findings }: { config: Config; findings: Findings },
): readonly Container[] {
  const field = annotationField(annotationKey(config.annotationPrefix, 'containers', model.suffix))
  if (model.containers === '*') return pod.spec.containers
  if (model.containers !== undefined) {
    const candidates = [...pod.spec.containers, ...initContainersFrom(pod, start)]
    return model.containers.flatMap((name) => {
      const container = candidates.find((candidate) => candidate.name === name)
      if (container === undefined) {
        findings.deny({ reason: 'UnknownContainer', field, found: name, ...describeUnknown(pod, name, candidates) })
      }
      return container ?? []
    })
  }
  const apps = pod.spec.containers.filter(({ name }) => !config.sidecars.includes(name))
  if (apps.length === 0) {
    findings.deny({
      reason: 'NoTargetContainer',
      field,
      problem: 'is not set, and every container of the pod is a known sidecar',
      accepted: pod.spec.containers.map(({ name }) => name).join(', '),
    })
  }
  return apps
}

function initContainersFrom(pod: Pod, start: number): readonly Container[] {
  return initContainersOf(pod)
    .filter((container) => !isOurLoader(container))
    .slice(start)
}

function describeUnknown(
  pod: Pod,
  name: string,
  candidates: readonly Container[],
): { problem: string; accepted: string } {
  const early = initContainersOf(pod).some((container) => container.name === name)
  return {
    problem: early ? 'starts before the loader has brought the model' : 'is no container of the pod',
    accepted: candidates.map((container) => container.name).join(', '),
  }
}
