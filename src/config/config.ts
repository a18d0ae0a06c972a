/** The configuration of an installation, complete: what the file says, and the defaults where it is silent. */
import type { AnnotationName } from '../annotations.ts'
import type { Policy } from './policy.ts'
import type { PodLimits } from './limits.ts'

export interface Config {
  /** Ends in a slash. */
  readonly annotationPrefix: string
  /** As written in an annotation; valid, because the annotation's own parser has read them. */
  readonly defaults: Readonly<Partial<Record<AnnotationName, string>>>
  /** App containers that get no model unless they are named. */
  readonly sidecars: readonly string[]
  readonly unknownAnnotations: 'deny' | 'warn'
  /** OpenShift chooses user ids itself and refuses others. */
  readonly openshift: boolean
  readonly podIdentity: { readonly uri: string }
  readonly loader: {
    /** Of the engine s5cmd, which has a default of its own; the native engine's is the default of the image annotation. */
    readonly s5cmdImage?: string
    readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never'
    readonly imagePullSecrets: readonly string[]
    readonly env: Readonly<Record<string, string>>
    readonly proxy?: {
      /** http://host:port */
      readonly url: string
      /** Hosts that are reached without it, as in NO_PROXY. */
      readonly noProxy?: readonly string[]
    }
    /** PEM of authorities that loaders trust beside the public ones, for an endpoint of the operator's own. */
    readonly caCertificates?: string
  }
  /** What the cluster can do depends on its version; without it, nothing that an older one would do wrong is done. */
  readonly cluster?: { readonly version?: string }
  readonly mountpoint?: {
    /** Whether the Mountpoint CSI driver reserves room for its own pods, and takes the gate away once it has. */
    readonly headroomGate?: boolean
  }
  /** What is asked for beyond them is denied before it is planned. */
  readonly limits: PodLimits
  readonly policy: Policy
  /** 16 hexadecimal digits that change when anything above does. */
  readonly hash: string
}
