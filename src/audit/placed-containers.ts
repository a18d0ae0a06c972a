/** The containers of a pod with their places in it, those that `kubectl debug` added to a running one included. */
import { initContainersOf, type Container, type Pod } from '../pod/pod.ts'

export interface PlacedContainer {
  readonly list: 'initContainers' | 'containers' | 'ephemeralContainers'
  readonly container: Container
  /** `spec.containers[app]` */
  readonly path: string
}

export function placedContainers(pod: Pod): readonly PlacedContainer[] {
  const place = (list: PlacedContainer['list'], containers: readonly Container[]): readonly PlacedContainer[] =>
    containers.map((container) => ({ list, container, path: `spec.${list}[${container.name}]` }))
  return [
    ...place('initContainers', initContainersOf(pod)),
    ...place('containers', pod.spec.containers),
    ...place('ephemeralContainers', pod.spec.ephemeralContainers ?? []),
  ]
}
