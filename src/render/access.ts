/** Read access of identities to sources: the input of everything about IAM. */
import type { S3Source } from '../values/source.ts'
import type { EksCluster } from './arn.ts'

export interface Identity {
  readonly namespace: string
  readonly serviceAccount: string
}

/**
 * Scope of a role. `source`: it reads the sources themselves, only for the named identities. `namespace` and
 * `service-account`: one role for many, each of which reads the directory below the sources that has its own name.
 */
export const scopes = ['source', 'namespace', 'service-account'] as const
export type Scope = (typeof scopes)[number]

/** The way a pod, or the host of an image build, assumes the role; only EKS Pod Identity adds session tags. */
export type Trust =
  | { readonly kind: 'pod-identity' | 'instance-profile' }
  | { readonly kind: 'irsa'; readonly provider: string }

export interface ReadAccess {
  readonly cluster: EksCluster
  readonly role: string
  readonly trust: Trust
  readonly scope: Scope
  /** All combinations of namespaces and service accounts. */
  readonly identities: readonly Identity[]
  readonly sources: readonly S3Source[]
  /** Objects read in addition to the sources, as the manifest of a single object. */
  readonly extraObjects?: readonly { readonly bucket: string; readonly key: string }[]
  /** True for sources that are published by a tag. */
  readonly readsTags?: boolean
  readonly bucketRegions: readonly string[]
  readonly kmsKey?: string | undefined
  /** ARNs of identities that may assume the role to check it. */
  readonly checkers?: readonly string[]
}

export function namespacesOf({ identities }: ReadAccess): string[] {
  return [...new Set(identities.map(({ namespace }) => namespace))]
}

export function serviceAccountsOf({ identities }: ReadAccess): string[] {
  return [...new Set(identities.map(({ serviceAccount }) => serviceAccount))]
}
