/** Who may read what: the input of everything that is about IAM. */
import type { S3Source } from '../values/source.ts'
import type { Cluster } from './arn.ts'

export interface Identity {
  readonly namespace: string
  readonly serviceAccount: string
}

/**
 * What a role is for. `source`: it reads the sources themselves, and only for the identities that are named. `namespace` and
 * `service-account`: one role for many, of whom each reads the directory below the sources that has its own name.
 */
export const scopes = ['source', 'namespace', 'service-account'] as const
export type Scope = (typeof scopes)[number]

/** How a pod, or the host of an image build, becomes the role; only EKS Pod Identity brings session tags. */
export type Trust =
  | { readonly kind: 'pod-identity' | 'instance-profile' }
  | { readonly kind: 'irsa'; readonly provider: string }

export interface Access {
  readonly cluster: Cluster
  readonly role: string
  readonly trust: Trust
  readonly scope: Scope
  /** All combinations of them are meant. */
  readonly identities: readonly Identity[]
  readonly sources: readonly S3Source[]
  /** Of objects that are read beside the sources, as the manifest of a single object. */
  readonly besides?: readonly { readonly bucket: string; readonly key: string }[]
  /** Of those that are published by a tag. */
  readonly readsTags?: boolean
  readonly bucketRegions: readonly string[]
  readonly kmsKey?: string | undefined
  /** ARNs of those who may become the role to check it. */
  readonly checkers?: readonly string[]
}

export function namespacesOf({ identities }: Access): string[] {
  return [...new Set(identities.map(({ namespace }) => namespace))]
}

export function serviceAccountsOf({ identities }: Access): string[] {
  return [...new Set(identities.map(({ serviceAccount }) => serviceAccount))]
}
