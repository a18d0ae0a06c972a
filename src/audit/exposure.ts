/**
 * Finds mounts that can change the model an app sees: mounts for writing of the storage that a model is on, whoever added it, and mounts
 * at, over or below the model. claim-writers.ts does the same for other pods.
 */
import { isLoaderName } from '../pod/injected-names.ts'
import { findByName } from '../pod/lookup.ts'
import { volumesOf, type Container, type Pod, type Volume, type VolumeMount } from '../pod/pod.ts'
import type { ModelStatus, Status } from '../inject/status.ts'
import { cleanPath, isSameOrBelow } from '../values/path.ts'
import { evidence } from './differences.ts'
import type { Evidence } from './judgement.ts'
import { placedContainers, type PlacedContainer } from './placed-containers.ts'
import { directoryOf, isWritable, reachesDirectory } from './writable-mounts.ts'

export interface Exposures {
  /** Mounts for writing of volumes that we added, and mounts over a model: no annotation asks for these. */
  readonly ofOurs: readonly Evidence[]
  /** Mounts for writing of storage that the pod has for something else, too: the pod's author chose that. */
  readonly ofOthers: readonly Evidence[]
}

export function findExposures(pod: Pod, { models, added }: Status): Exposures {
  const placed = models.map((model) => ({ model, storage: storageOf(pod, model) }))
  const found = placedContainers(pod)
    .filter((one) => !isLoader(one))
    .flatMap(({ path, container }) => [
      ...(container.volumeMounts ?? []).flatMap((mount) => {
        const exposed = placed.find(({ model, storage }) => isExposedBy(mount, container, model, storage))
        if (exposed === undefined) return []
        const isOfOurs = added.volumes.includes(mount.name) || isOverModel(mount, container, exposed.model)
        return [
          { isOfOurs, item: evidence(`${path}.volumeMounts[${mount.mountPath}]`, undefined, describeMount(mount)) },
        ]
      }),
      ...(container.volumeDevices ?? []).flatMap(({ name = '', devicePath = '' }) =>
        placed.some(({ storage }) => storage.has(name))
          ? [
              {
                isOfOurs: added.volumes.includes(name),
                item: evidence(`${path}.volumeDevices[${devicePath}]`, undefined, describeMount({ name })),
              },
            ]
          : [],
      ),
    ])
  const items = (ofOurs: boolean): readonly Evidence[] =>
    found.flatMap(({ isOfOurs, item }) => (isOfOurs === ofOurs ? [item] : []))
  return { ofOurs: items(true), ofOthers: items(false) }
}

/** Loaders are compared field by field instead. */
function isLoader({ list, container }: PlacedContainer): boolean {
  return list === 'initContainers' && isLoaderName(container.name)
}

/** Directories by the name of the volume through which they can be written: `subPath` of the model on it, or all of it. */
type Storage = ReadonlyMap<string, string | undefined>

/** Volumes of a pod that lead to one model: its own, others of the same claim, others of the same directory of the node. */
function storageOf(pod: Pod, { volume: name, subPath }: ModelStatus): Storage {
  const own = findByName(volumesOf(pod), name)
  if (own === undefined) return new Map()
  const volumes = volumesOf(pod).filter((volume) => volume === own || isSameStorage(volume, own))
  return new Map(
    volumes.filter(isWritable).map((volume) => [volume.name, isSameClaim(volume, own) ? subPath : undefined]),
  )
}

function isSameStorage(volume: Volume, own: Volume): boolean {
  return isSameClaim(volume, own) || isSameDirectory(pathOf(volume), pathOf(own))
}

function isSameClaim(volume: Volume, own: Volume): boolean {
  const claim = own.persistentVolumeClaim?.claimName
  return volume === own || (claim !== undefined && volume.persistentVolumeClaim?.claimName === claim)
}

function isSameDirectory(path: string | undefined, own: string | undefined): boolean {
  return path !== undefined && own !== undefined && (isSameOrBelow(path, own) || isSameOrBelow(own, path))
}

function pathOf({ hostPath }: Volume): string | undefined {
  const path = (hostPath as { readonly path?: unknown } | null | undefined)?.path
  return typeof path === 'string' ? cleanPath(path) : undefined
}

function isExposedBy(mount: VolumeMount, container: Container, model: ModelStatus, storage: Storage): boolean {
  // The digest of the model's own mount says whether it is as it was.
  if (isTarget(container, model) && mount.name === model.volume && mount.mountPath === model.mountPath) return false
  if (isOverModel(mount, container, model)) return true
  return (
    mount.readOnly !== true && storage.has(mount.name) && reachesDirectory(directoryOf(mount), storage.get(mount.name))
  )
}

function isOverModel({ mountPath }: VolumeMount, container: Container, model: ModelStatus): boolean {
  return isTarget(container, model) && isSameOrBelow(cleanPath(mountPath), cleanPath(model.mountPath))
}

function isTarget({ name }: Container, { containers }: ModelStatus): boolean {
  return containers.includes(name)
}

function describeMount({ name, readOnly }: Pick<VolumeMount, 'name' | 'readOnly'>): string {
  return `the volume ${name}${readOnly === true ? ', read-only' : ', writable'}`
}
