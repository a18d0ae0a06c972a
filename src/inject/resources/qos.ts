/** The QoS class that the pod has without us and has to keep with us. */
import type { Config } from '../../config/config.ts'
import { isMeshInitContainer } from '../mesh/mesh.ts'
import { isOurLoader } from '../ownership/own-loaders.ts'
import {
  appContainers,
  initContainersOf,
  isNativeSidecar,
  type Container,
  type Pod,
  type Resources,
} from '../../pod/pod.ts'
import { setOf } from '../../pod/lookup.ts'
import { amount, sum } from './resource-amounts.ts'

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort'
export type Compute = 'cpu' | 'memory'

/** k8s.io/kubernetes/pkg/apis/core/v1/helper/qos: only cpu and memory count, init containers too. */
export function qosClass(pod: Pod, config: Config): QosClass {
  const own = pod.spec.resources
  const compute: Compute[] = ['cpu', 'memory']
  const containers = [...appContainers(pod, config.sidecars), ...otherInitContainers(pod, config)]
  const uses = (resources: Resources | null | undefined): boolean =>
    compute.some((name) => (amount(resources, 'requests', name) ?? amount(resources, 'limits', name) ?? 0) > 0)
  const scopes = uses(own) ? [own] : containers.map(({ resources }) => resources)
  if (!scopes.some(uses)) return 'BestEffort'
  const guaranteed = scopes.every((scope) =>
    compute.every((name) => {
      const limit = amount(scope, 'limits', name)
      const asked = (scope === own && containersRequest(pod, name, config)) || limit
      return limit !== undefined && limit > 0 && (amount(scope, 'requests', name) ?? asked) === limit
    }),
  )
  return guaranteed ? 'Guaranteed' : 'Burstable'
}

/**
 * A pod that limits itself as a whole, and of which no container asks for anything, asks for its limit. The first request
 * of a container, ours, would take its place: the pod would be Guaranteed no more.
 */
export function asksByLimit(pod: Pod, name: Compute, config: Config): boolean {
  const { resources } = pod.spec
  if (amount(resources, 'requests', name) !== undefined || amount(resources, 'limits', name) === undefined) return false
  return containersRequest(pod, name, config) === 0
}

/** The sum of what the containers ask for: the app, or one init container if that is more. */
function containersRequest(pod: Pod, name: Compute, config: Config): number {
  const request = ({ resources }: Container): number =>
    amount(resources, 'requests', name) ?? amount(resources, 'limits', name) ?? 0
  const init = otherInitContainers(pod, config)
  const app = sum([...appContainers(pod, config.sidecars), ...init.filter(isNativeSidecar)], request)
  // No spread into Math.max: more arguments than fit on the stack are a RangeError, and a pod has room for 180,000.
  return init.reduce((most, container) => Math.max(most, request(container)), app)
}

function otherInitContainers(pod: Pod, config: Config): readonly Container[] {
  const sidecars = setOf(config.sidecars)
  return initContainersOf(pod).filter(
    (container) => !isOurLoader(container) && !isMeshInitContainer(container) && !sidecars.has(container.name),
  )
}
