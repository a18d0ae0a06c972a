/** The fields that commands read of API objects. All others pass through unchanged. */
import type { Condition, PodStatus } from './pod-status.ts'

export interface KubernetesObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMeta
  readonly [field: string]: unknown
}

interface ObjectMeta {
  readonly name: string
  readonly namespace?: string
  readonly uid?: string
  readonly creationTimestamp?: string
  readonly deletionTimestamp?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly ownerReferences?: readonly OwnerReference[]
  readonly [field: string]: unknown
}

interface OwnerReference {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid?: string
  readonly controller?: boolean
}

export interface ClusterPod extends KubernetesObject {
  readonly spec: ClusterPodSpec
  readonly status?: PodStatus
}

/** Of the core API group, which has those of `events.k8s.io` too. */
export interface ClusterEvent extends KubernetesObject {
  readonly type?: string
  readonly reason?: string
  readonly message?: string
  readonly involvedObject?: {
    readonly kind?: string
    readonly name?: string
    readonly namespace?: string
    readonly uid?: string
    /** `spec.initContainers{model-loader}` */
    readonly fieldPath?: string
  }
  readonly count?: number
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string }
  readonly lastTimestamp?: string | null
  readonly eventTime?: string | null
}

export interface ClusterPodSpec {
  readonly containers: readonly ClusterContainer[]
  readonly initContainers?: readonly ClusterContainer[]
  readonly volumes?: readonly ClusterVolume[]
  readonly serviceAccountName?: string
  readonly hostNetwork?: boolean
  readonly automountServiceAccountToken?: boolean
  readonly [field: string]: unknown
}

export interface ClusterContainer {
  readonly name: string
  readonly image?: string
  readonly args?: readonly string[]
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: object }[]
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[]
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly subPath?: string }[]
  readonly [field: string]: unknown
}

export interface ClusterVolume {
  readonly name: string
  readonly configMap?: { readonly name?: string; readonly items?: readonly KeyToPath[] }
  readonly secret?: { readonly secretName?: string; readonly items?: readonly KeyToPath[] }
  readonly [field: string]: unknown
}

export interface KeyToPath {
  readonly key: string
  readonly path: string
}

export interface Deployment extends KubernetesObject {
  readonly spec: {
    readonly replicas?: number
    readonly selector: LabelSelector
    readonly template: { readonly metadata?: Partial<ObjectMeta>; readonly spec: ClusterPodSpec }
  }
  readonly status?: ReplicaCounts & { readonly updatedReplicas?: number; readonly conditions?: readonly Condition[] }
}

interface ReplicaCounts {
  readonly replicas?: number
  readonly readyReplicas?: number
}

export interface ReplicaSet extends KubernetesObject {
  readonly spec: { readonly replicas?: number; readonly template?: { readonly spec: ClusterPodSpec } }
  readonly status?: ReplicaCounts
}

export interface DaemonSet extends KubernetesObject {
  readonly status?: { readonly desiredNumberScheduled?: number; readonly numberReady?: number }
}

export interface PodDisruptionBudget extends KubernetesObject {
  readonly spec?: { readonly selector?: LabelSelector }
}

export interface Service extends KubernetesObject {
  readonly spec: {
    readonly selector?: Readonly<Record<string, string>>
    readonly ports?: readonly { readonly name?: string; readonly port: number; readonly targetPort?: number | string }[]
  }
}

export interface EndpointSlice extends KubernetesObject {
  readonly endpoints?:
    | readonly { readonly addresses: readonly string[]; readonly conditions?: { readonly ready?: boolean } }[]
    | null
  readonly ports?: readonly { readonly name?: string; readonly port?: number }[] | null
}

export interface ConfigMap extends KubernetesObject {
  readonly data?: Readonly<Record<string, string>>
}

export interface Secret extends KubernetesObject {
  /** Values in base64. */
  readonly data?: Readonly<Record<string, string>>
}

export interface MutatingWebhookConfiguration extends KubernetesObject {
  readonly webhooks?: readonly MutatingWebhook[]
}

/** Has the defaults that the API server filled in. */
export interface MutatingWebhook {
  readonly name: string
  readonly clientConfig: WebhookClientConfig
  readonly rules?: readonly WebhookRule[]
  readonly failurePolicy?: string
  readonly matchPolicy?: string
  readonly reinvocationPolicy?: string
  readonly sideEffects?: string
  readonly timeoutSeconds?: number
  readonly namespaceSelector?: LabelSelector
  readonly objectSelector?: LabelSelector
  readonly matchConditions?: readonly { readonly name: string; readonly expression: string }[]
}

interface WebhookClientConfig {
  readonly url?: string
  readonly service?: {
    readonly namespace: string
    readonly name: string
    readonly path?: string
    readonly port?: number
  }
  /** PEM in base64. */
  readonly caBundle?: string
}

export interface WebhookRule {
  readonly apiGroups?: readonly string[]
  readonly apiVersions?: readonly string[]
  readonly operations?: readonly string[]
  readonly resources?: readonly string[]
  readonly scope?: string
}

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>
  readonly matchExpressions?: readonly {
    readonly key: string
    readonly operator: string
    readonly values?: readonly string[]
  }[]
}

export interface ValidatingAdmissionPolicy extends KubernetesObject {
  readonly spec: {
    readonly failurePolicy?: string
    readonly matchConstraints?: { readonly resourceRules?: readonly WebhookRule[] }
    readonly matchConditions?: readonly { readonly expression: string }[]
    readonly validations?: readonly { readonly expression: string }[]
    readonly variables?: readonly { readonly expression: string }[]
  }
  readonly status?: {
    readonly typeChecking?: {
      readonly expressionWarnings?: readonly { readonly fieldRef: string; readonly warning: string }[]
    }
  }
}

export interface ValidatingAdmissionPolicyBinding extends KubernetesObject {
  readonly spec: { readonly policyName: string; readonly validationActions?: readonly string[] }
}

export interface RoleBinding extends KubernetesObject {
  readonly roleRef: { readonly kind: string; readonly name: string }
  readonly subjects?: readonly { readonly kind: string; readonly name: string; readonly namespace?: string }[]
}

export interface Namespace extends KubernetesObject {
  readonly status?: { readonly phase?: string }
}

export interface ServiceAccount extends KubernetesObject {
  readonly imagePullSecrets?: readonly { readonly name?: string }[]
}

export interface PersistentVolumeClaim extends KubernetesObject {
  readonly spec: {
    readonly accessModes?: readonly string[]
    readonly storageClassName?: string
    readonly volumeName?: string
    readonly resources?: { readonly requests?: { readonly storage?: string } }
    readonly [field: string]: unknown
  }
  readonly status?: { readonly phase?: string; readonly capacity?: { readonly storage?: string } }
}

export interface PersistentVolume extends KubernetesObject {
  readonly spec: {
    readonly accessModes?: readonly string[]
    readonly storageClassName?: string
    readonly persistentVolumeReclaimPolicy?: string
    readonly claimRef?: { readonly namespace?: string; readonly name?: string; readonly uid?: string }
    readonly mountOptions?: readonly string[]
    readonly csi?: CSIVolume
    readonly [field: string]: unknown
  }
  readonly status?: { readonly phase?: string }
}

export interface CSIVolume {
  readonly driver: string
  readonly volumeHandle: string
  readonly readOnly?: boolean
  readonly volumeAttributes?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

export interface StorageClass extends KubernetesObject {
  readonly provisioner: string
  readonly parameters?: Readonly<Record<string, string>>
  readonly mountOptions?: readonly string[]
  readonly reclaimPolicy?: string
  readonly volumeBindingMode?: string
}

export interface CSIDriver extends KubernetesObject {
  readonly spec: {
    readonly podInfoOnMount?: boolean
    readonly tokenRequests?: readonly { readonly audience: string }[]
  }
}

export interface Node extends KubernetesObject {
  readonly spec: { readonly taints?: readonly Taint[]; readonly unschedulable?: boolean }
  readonly status?: {
    readonly conditions?: readonly Condition[]
    readonly nodeInfo?: {
      readonly containerRuntimeVersion: string
      readonly kubeletVersion: string
      readonly operatingSystem: string
    }
  }
}

export interface Taint {
  readonly key: string
  readonly value?: string
  readonly effect: string
}

/** cert-manager's. */
export interface IssuedCertificate extends KubernetesObject {
  readonly status?: { readonly conditions?: readonly Condition[]; readonly notAfter?: string }
}

/** Karpenter's. */
export interface NodePool extends KubernetesObject {
  readonly spec: {
    readonly template: {
      readonly metadata?: { readonly labels?: Readonly<Record<string, string>> }
      readonly spec: {
        readonly nodeClassRef: { readonly group: string; readonly kind: string; readonly name: string }
        readonly taints?: readonly Taint[]
        readonly requirements?: readonly NodeRequirement[]
      }
    }
    readonly limits?: Readonly<Record<string, string | number>>
  }
  readonly status?: {
    readonly conditions?: readonly Condition[]
    readonly resources?: Readonly<Record<string, string>>
  }
}

export interface NodeRequirement {
  readonly key: string
  readonly operator: string
  readonly values?: readonly string[]
}

/** Karpenter's provider for AWS. */
export interface EC2NodeClass extends KubernetesObject {
  readonly spec: {
    readonly amiSelectorTerms?: readonly {
      readonly alias?: string
      readonly id?: string
      readonly name?: string
      readonly owner?: string
      readonly tags?: Readonly<Record<string, string>>
    }[]
  }
  readonly status?: {
    readonly conditions?: readonly Condition[]
    readonly amis?: readonly { readonly id: string; readonly name?: string }[]
  }
}

/** NetApp Trident's, like the next two. */
export interface TridentVolumeReference extends KubernetesObject {
  readonly spec: { readonly pvcName?: string; readonly pvcNamespace?: string }
}

export interface TridentBackendConfig extends KubernetesObject {
  readonly spec: {
    readonly storageDriverName?: string
    readonly credentials?: { readonly name?: string; readonly type?: string }
  }
  readonly status?: { readonly phase?: string; readonly lastOperationStatus?: string; readonly message?: string }
}

export interface TridentVolume extends KubernetesObject {
  readonly state?: string
  readonly orphaned?: boolean
}
