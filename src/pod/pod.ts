/**
 * The pod as it comes: plain JSON, of which only the fields below are looked at. Everything else, fields newer than this
 * code included, passes through untouched, because nothing here ever rebuilds an object from its known fields alone.
 */
import type { Complete } from '../schema-type.ts'
import { setOf } from './lookup.ts'
import type { podSchema } from './pod-schema.ts'

export type Pod = Complete<typeof podSchema>
export type ObjectMeta = NonNullable<Pod['metadata']>
export type PodSpec = Pod['spec']
export type Container = PodSpec['containers'][number]
export type EnvVar = Item<Container['env']>
export type VolumeMount = Item<Container['volumeMounts']>
export type Volume = Item<PodSpec['volumes']>
export type Affinity = NonNullable<PodSpec['affinity']>
export type NodeAffinity = NonNullable<Affinity['nodeAffinity']>
export type NodeSelector = NonNullable<NodeAffinity['requiredDuringSchedulingIgnoredDuringExecution']>
export type NodeSelectorTerm = Item<NodeSelector['nodeSelectorTerms']>
export type NodeSelectorRequirement = Item<NodeSelectorTerm['matchExpressions']>
export type Toleration = Item<PodSpec['tolerations']>
export type Resources = NonNullable<Container['resources']>

type Item<List> = NonNullable<List> extends readonly (infer Element)[] ? Element : never

export function annotationsOf(pod: Pod): Readonly<Record<string, string>> {
  return pod.metadata?.annotations ?? {}
}

export function initContainersOf(pod: Pod): readonly Container[] {
  return pod.spec.initContainers ?? []
}

export function volumesOf(pod: Pod): readonly Volume[] {
  return pod.spec.volumes ?? []
}

/** A sidecar container in the API's sense: an init container that keeps running with the app. */
export function isNativeSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always'
}

/** App containers without known sidecars; all containers if nothing else would be left. */
export function appContainers(pod: Pod, sidecars: readonly string[]): readonly Container[] {
  const known = setOf(sidecars)
  const apps = pod.spec.containers.filter(({ name }) => !known.has(name))
  return apps.length > 0 ? apps : pod.spec.containers
}
