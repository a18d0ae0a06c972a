/** The complete configuration of an installation: the file's settings, and defaults for the rest. */
import type { AnnotationName } from '../annotations.ts'
import type { Policy } from './policy.ts'
import type { PodLimits } from './limits.ts'

export interface Config {
  /** Ends in a slash. */
  readonly annotationPrefix: string
  /** Values as in annotations; valid, because the annotation's own parser has accepted them. */
  readonly defaults: Readonly<Partial<Record<AnnotationName, string>>>
  /** App containers that get no model unless named. */
  readonly sidecars: readonly string[]
  readonly unknownAnnotations: 'deny' | 'warn'
  /** True on OpenShift, which chooses user ids itself and refuses others. */
  readonly openshift: boolean
  readonly podIdentity: { readonly uri: string }
  readonly loader: {
    /**
     * Image of the engine s5cmd, which has its own default; the native engine's is the default of the image annotation.
     */
    readonly s5cmdImage?: string
    readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never'
    readonly imagePullSecrets: readonly string[]
    readonly env: Readonly<Record<string, string>>
    readonly proxy?: {
      /** http://host:port */
      readonly url: string
      /** Hosts reached without the proxy, as in NO_PROXY. */
      readonly noProxy?: readonly string[]
    }
    /** PEM of authorities that loaders trust in addition to the public ones, for the operator's own endpoint. */
    readonly caCertificates?: string
  }
  /**
   * Kubernetes version, which determines the cluster's features; without it, features that an older version would mishandle
   * are not used.
   */
  readonly cluster?: { readonly version?: string }
  readonly mountpoint?: {
    /** True if the Mountpoint CSI driver reserves room for its own pods, and removes the gate afterwards. */
    readonly headroomGate?: boolean
  }
  /** Requests beyond the limits are denied before anything is planned. */
  readonly limits: PodLimits
  readonly policy: Policy
  /** 16 hexadecimal digits that change with any of the settings above. */
  readonly hash: string
}
