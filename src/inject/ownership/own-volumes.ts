/** Finds the volumes of a pod that are ours: a name alone may be a user's. */
import { injectedLabel } from '../../annotations.ts'
import { parseSource } from '../../values/source.ts'
import { modelSuffixes, unsuffixedName } from '../../request/annotation-reader.ts'
import { isVolumeFor } from '../../deliveries/registry.ts'
import { annotationKey } from '../../request/keys.ts'
import { volumesOfLoaders } from './own-loaders.ts'
import { dataVolumeName } from '../../pod/injected-names.ts'
import { annotationsOf, volumesOf, type Container, type Pod } from '../../pod/pod.ts'
import { findByName } from '../../pod/lookup.ts'
import type { AnnotatedPod } from '../annotated-pod.ts'

/** Volumes that one of these loaders mounts, and volumes with a model that needs no loader. */
export function ownVolumes(annotated: AnnotatedPod, loaders: readonly Container[]): ReadonlySet<string> {
  return new Set([...volumesOfLoaders(loaders), ...volumesWithModels(annotated)])
}

/** True for a pod with a volume that has our name and holds just this model. */
export function hasVolumeOfModel(pod: Pod, { name, source }: NamedSource): boolean {
  const volume = findByName(volumesOf(pod), volumeNameOf(name))
  const parsed = parseSource(source)
  return volume !== undefined && parsed.ok && isVolumeFor(volume, parsed.value)
}

interface NamedSource {
  readonly name: string
  readonly source: string
}

export function volumeNameOf(model: string): string {
  return dataVolumeName(model === unsuffixedName ? undefined : model)
}

function volumesWithModels(annotated: AnnotatedPod): readonly string[] {
  return namedSources(annotated)
    .filter((model) => hasVolumeOfModel(annotated.pod, model))
    .map(({ name }) => volumeNameOf(name))
}

/** The models in the status; if it is lost, those that the annotations of a pod with our label ask for. */
function namedSources({ pod, prefix, annotations, status }: AnnotatedPod): readonly NamedSource[] {
  if (status !== undefined) return status.models
  if (pod.metadata?.labels?.[prefix + injectedLabel] !== 'true') return []
  return modelSuffixes(annotations).map((suffix) => ({
    name: suffix ?? unsuffixedName,
    source: annotationsOf(pod)[annotationKey(prefix, 'source', suffix)] ?? '',
  }))
}
