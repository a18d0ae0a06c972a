/**
 * Detects whether the webhook already injected this pod. A webhook is called again when a later one changed the pod, and pods
 * are copied, restored and resubmitted. compare-pod.ts finds what has changed since.
 */
import { parseSource } from '../../values/source.ts'
import { modelSuffixes, unsuffixedName } from '../../request/annotation-reader.ts'
import type { OwnAnnotation } from '../../request/keys.ts'
import { allBy, findByName } from '../../pod/lookup.ts'
import { hasVolumeOfModel, ownVolumes } from './own-volumes.ts'
import { dataVolumeName, envValue, isLoaderName, loaderContainerName, tmpVolume } from '../../pod/injected-names.ts'
import { initContainersOf, volumesOf, type Container, type Pod, type VolumeMount } from '../../pod/pod.ts'
import { readPod } from '../../pod/read-pod.ts'
import { annotatedPod, type AnnotatedPod } from '../annotated-pod.ts'
import type { ModelStatus, Status } from '../status.ts'

export type Detection =
  /** Nothing of ours; `foreign` are fields that hold one of our names for something else. */
  | { readonly state: 'notInjected'; readonly foreign: readonly string[] }
  /** Made from the annotations that the pod still has; parts may have changed. */
  | { readonly state: 'injected'; readonly status: Status }
  /** Made from other annotations than the pod has now. */
  | { readonly state: 'stale'; readonly foreign: readonly string[] }

export function detectInjection(annotated: AnnotatedPod): Detection {
  const { status, loaders } = annotated
  if (status !== undefined && describesPod(status, annotated)) return { state: 'injected', status }
  const own = ownVolumes(annotated, loaders)
  return {
    state: loaders.length > 0 || own.size > 0 ? 'stale' : 'notInjected',
    foreign: foreignNames(annotated, own),
  }
}

/** True for anything that is a pod with parts of ours, whole or not, that were made from its annotations. */
export function carriesInjection(object: unknown, prefix: string): boolean {
  const read = readPod(object)
  return read.ok && detectInjection(annotatedPod(read.pod, prefix)).state === 'injected'
}

/** True for a status that was made for these annotations, and for whose models there is evidence in the pod. */
function describesPod(status: Status, { pod, annotations, annotationsHash }: AnnotatedPod): boolean {
  return (
    status.annotations === annotationsHash &&
    namesTheSources(status, annotations) &&
    status.models.every((model) => hasEvidence(model, pod))
  )
}

/**
 * A loader at least by its name; without one, the volume. Some webhooks rewrite the list of init containers and lose ours:
 * then the mounts are the evidence, because no other mount has their directory by chance.
 */
function hasEvidence(model: ModelStatus, pod: Pod): boolean {
  const { loader } = model
  if (loader === undefined) return hasVolumeOfModel(pod, model)
  if (!isLoaderName(loader)) return false
  return (
    findByName(initContainersOf(pod), loader) !== undefined ||
    hasVolumeOfModel(pod, model) ||
    isMountedEverywhere(model, pod)
  )
}

function isMountedEverywhere(model: ModelStatus, pod: Pod): boolean {
  return model.containers.length > 0 && model.subPath !== undefined && isInItsContainers(pod, model)
}

/** A status is only text: it could leave out a model, or name another source than the annotation. */
function namesTheSources({ models }: Status, annotations: readonly OwnAnnotation[]): boolean {
  const sources = annotations.filter(({ name }) => name === 'source')
  const described = new Map(models.map(({ name, source }) => [name, source]))
  return (
    sources.length === models.length &&
    sources.every(({ suffix, value }) => {
      const source = parseSource(value)
      return source.ok && described.get(suffix ?? unsuffixedName) === source.value.uri
    })
  )
}

function foreignNames({ pod, annotations, loaders }: AnnotatedPod, own: ReadonlySet<string>): readonly string[] {
  const suffixes = modelSuffixes(annotations)
  const ours = new Set(loaders)
  const loaderNames = new Set(suffixes.map(loaderContainerName))
  const volumeNames = new Set([tmpVolume, ...suffixes.map(dataVolumeName)])
  return [
    ...pod.spec.containers.flatMap(({ name }, i) => (loaderNames.has(name) ? `spec.containers[${i}].name` : [])),
    ...initContainersOf(pod).flatMap((container, i) =>
      loaderNames.has(container.name) && !ours.has(container) ? `spec.initContainers[${i}].name` : [],
    ),
    ...volumesOf(pod).flatMap(({ name }, i) =>
      volumeNames.has(name) && !own.has(name) ? `spec.volumes[${i}].name` : [],
    ),
  ]
}

function isInItsContainers(pod: Pod, model: ModelStatus): boolean {
  const envAdded = new Set(model.envAdded)
  return [...new Set(model.containers)].every((name) => {
    const container = findByName(pod.spec.containers, name) ?? findByName(initContainersOf(pod), name)
    return container !== undefined && hasModel(container, model, envAdded)
  })
}

const mountsAt = allBy<VolumeMount>(({ mountPath }) => mountPath)

function hasModel(
  container: Container,
  { volume, mountPath, subPath, env }: ModelStatus,
  envAdded: ReadonlySet<string>,
): boolean {
  const mounted = mountsAt(container.volumeMounts, mountPath).some(
    (mount) => mount.name === volume && mount.subPath === subPath,
  )
  const needsEnv = env !== undefined && envAdded.has(container.name)
  return mounted && (!needsEnv || envValue(container, env) === mountPath)
}
