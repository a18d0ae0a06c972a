/** Which containers get a model. */
import type { Config } from '../config.ts'
import type { Findings } from './findings.ts'
import { annotationField, annotationKey } from './keys.ts'
import { loaderIndex } from './mesh.ts'
import { isOurLoader } from './parts.ts'
import { initContainersOf, type Container, type Pod } from './pod.ts'
import type { InjectionRequest, ModelRequest } from './request.ts'

/** The containers of one model; mistakes in the list go to `findings`. */
export function targetContainers(
  pod: Pod, model: ModelRequest, request: InjectionRequest, { config, findings }: { config: Config; findings: Findings },
): readonly Container[] {
  const field = annotationField(annotationKey(config.annotationPrefix, 'containers', model.suffix))
  if (model.containers === '*') return pod.spec.containers
  if (model.containers !== undefined) {
    const candidates = [...pod.spec.containers, ...afterLoader(pod, request)]
    return model.containers.flatMap((name) => {
      const container = candidates.find((candidate) => candidate.name === name)
      if (container === undefined) findings.deny({ reason: 'UnknownContainer', field, found: name, ...describeUnknown(pod, name, candidates) })
      return container ?? []
    })
  }
  const apps = pod.spec.containers.filter(({ name }) => !config.sidecars.includes(name))
  if (apps.length === 0) {
    findings.deny({
      reason: 'NoTargetContainer', field, problem: 'is not set, and every container of the pod is a known sidecar',
      accepted: pod.spec.containers.map(({ name }) => name).join(', '),
    })
  }
  return apps
}

/** Init containers that start when the model is there. */
function afterLoader(pod: Pod, request: InjectionRequest): readonly Container[] {
  return initContainersOf(pod)
    .filter((container) => !isOurLoader(container))
    .slice(loaderIndex(pod, request.initOrder))
}

function describeUnknown(pod: Pod, name: string, candidates: readonly Container[]): { problem: string; accepted: string } {
  const early = initContainersOf(pod).some((container) => container.name === name)
  return {
    problem: early ? 'starts before the loader has brought the model' : 'is no container of the pod',
    accepted: candidates.map((container) => container.name).join(', '),
  }
}
