/** Finds containers that can change the model an app sees: mounts that write to our volumes, and mounts over the model. */
import { loaderRoot } from '../pod/injected-names.ts'
import { initContainersOf, volumesOf, type Container, type Pod, type VolumeMount } from '../pod/pod.ts'
import type { Status } from '../inject/status.ts'
import { evidence } from './differences.ts'
import type { Evidence } from './judgement.ts'

export function exposures(pod: Pod, status: Status): readonly Evidence[] {
  const volumes = writableVolumes(pod, status)
  return containersOf(pod).flatMap(({ path, container }) =>
    (container.volumeMounts ?? []).flatMap((mount) => {
      const isExposed =
        (volumes.has(mount.name) && mount.readOnly !== true && !isOurs(container, mount, status)) ||
        isOver(container, mount, status)
      return isExposed ? [evidence(`${path}.volumeMounts[${mount.mountPath}]`, undefined, describeMount(mount))] : []
    }),
  )
}

interface PlacedContainer {
  readonly path: string
  readonly container: Container
}

/** `kubectl debug` adds a container to a pod that runs, and it may mount any volume of it. */
function containersOf(pod: Pod): readonly PlacedContainer[] {
  const place = (list: string, containers: readonly Container[]): readonly PlacedContainer[] =>
    containers.map((container) => ({ path: `spec.${list}[${container.name}]`, container }))
  const ephemeral = Array.isArray(pod.spec.ephemeralContainers)
    ? (pod.spec.ephemeralContainers as readonly Container[])
    : []
  return [
    ...place('initContainers', initContainersOf(pod)),
    ...place('containers', pod.spec.containers),
    ...place('ephemeralContainers', ephemeral),
  ]
}

/** Projected volumes (tokens) are never writable. */
function writableVolumes(pod: Pod, { added }: Status): ReadonlySet<string> {
  return new Set(
    volumesOf(pod)
      .filter(({ name, projected }) => added.volumes.includes(name) && (projected === undefined || projected === null))
      .map(({ name }) => name),
  )
}

/** A loader's mounts, and those of the model itself, whose digests say whether they are as they were. */
function isOurs({ name }: Container, { mountPath }: VolumeMount, { models }: Status): boolean {
  return models.some((model) =>
    model.loader === name
      ? mountPath === loaderRoot || mountPath === '/tmp'
      : model.containers.includes(name) && model.mountPath === mountPath,
  )
}

function isOver({ name }: Container, { mountPath }: VolumeMount, { models }: Status): boolean {
  return models.some((model) => model.containers.includes(name) && mountPath.startsWith(`${model.mountPath}/`))
}

function describeMount({ name, readOnly }: VolumeMount): string {
  return `the volume ${name}${readOnly === true ? ', read-only' : ', writable'}`
}
