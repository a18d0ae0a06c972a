/**
 * The pod as it comes: plain JSON, of which only the fields below are looked at. Everything else, fields newer than this
 * code included, passes through untouched, because nothing here ever rebuilds an object from its known fields alone.
 */
import { setOf } from './lookup.ts'

export interface Pod {
  readonly metadata?: ObjectMeta | null
  readonly spec: PodSpec
  readonly [field: string]: unknown
}

export interface ObjectMeta {
  readonly name?: string
  readonly generateName?: string
  readonly annotations?: Readonly<Record<string, string>> | null
  readonly labels?: Readonly<Record<string, string>> | null
  readonly ownerReferences?: readonly { readonly kind?: string }[] | null
  readonly [field: string]: unknown
}

export interface PodSpec {
  readonly containers: readonly Container[]
  readonly initContainers?: readonly Container[] | null
  readonly volumes?: readonly Volume[] | null
  readonly serviceAccountName?: string
  readonly serviceAccount?: string
  readonly securityContext?: PodSecurityContext | null
  readonly resources?: Resources | null
  readonly imagePullSecrets?: readonly { readonly name?: string }[] | null
  readonly nodeSelector?: Readonly<Record<string, string>> | null
  readonly nodeName?: string | null
  readonly affinity?: Affinity | null
  readonly tolerations?: readonly Toleration[] | null
  readonly schedulingGates?: readonly { readonly name?: string }[] | null
  readonly os?: { readonly name?: string } | null
  readonly [field: string]: unknown
}

export interface Container {
  readonly name: string
  readonly image?: string
  readonly command?: readonly string[] | null
  readonly args?: readonly string[] | null
  readonly env?: readonly EnvVar[] | null
  readonly volumeMounts?: readonly VolumeMount[] | null
  readonly volumeDevices?: readonly { readonly devicePath?: string }[] | null
  readonly resources?: Resources | null
  readonly securityContext?: { readonly runAsUser?: number; readonly [field: string]: unknown } | null
  readonly restartPolicy?: string
  readonly [field: string]: unknown
}

export interface EnvVar {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: unknown
}

export interface VolumeMount {
  readonly name: string
  readonly mountPath: string
  readonly subPath?: string
  readonly readOnly?: boolean
  readonly [field: string]: unknown
}

export interface Volume {
  readonly name: string
  readonly emptyDir?: unknown
  readonly persistentVolumeClaim?: {
    readonly claimName?: string
    readonly readOnly?: boolean
    readonly [field: string]: unknown
  } | null
  readonly hostPath?: { readonly path?: string; readonly [field: string]: unknown } | null
  readonly image?: { readonly reference?: string; readonly [field: string]: unknown } | null
  readonly ephemeral?: unknown
  readonly projected?: unknown
  readonly [field: string]: unknown
}

export interface Affinity {
  readonly nodeAffinity?: NodeAffinity | null
  readonly [field: string]: unknown
}

export interface NodeAffinity {
  readonly requiredDuringSchedulingIgnoredDuringExecution?: NodeSelector | null
  readonly [field: string]: unknown
}

export interface NodeSelector {
  /** A node has to match one of them. */
  readonly nodeSelectorTerms?: readonly NodeSelectorTerm[] | null
  readonly [field: string]: unknown
}

/** A node has to match all of it; one that says nothing matches no node. */
export interface NodeSelectorTerm {
  readonly matchExpressions?: readonly NodeSelectorRequirement[] | null
  readonly matchFields?: readonly unknown[] | null
  readonly [field: string]: unknown
}

export interface NodeSelectorRequirement {
  readonly key?: string
  readonly operator?: string
  readonly values?: readonly string[] | null
}

export interface Toleration {
  readonly key?: string
  readonly operator?: string
  readonly effect?: string
  readonly [field: string]: unknown
}

interface PodSecurityContext {
  readonly runAsUser?: number
  readonly fsGroup?: number
  readonly fsGroupChangePolicy?: string
  readonly [field: string]: unknown
}

export interface Resources {
  readonly requests?: ResourceList | null
  readonly limits?: ResourceList | null
  readonly [field: string]: unknown
}

type ResourceList = Readonly<Record<string, string | number>>

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
