/** The session of a hypothetical pod: its tags, its name, and a policy that makes it harmless. */
import { randomUUID } from 'node:crypto'
import type { Identity } from '../../render/access.ts'
import { checkSessionPrefix } from '../../render/checker-trust.ts'

export interface TaggedCluster {
  readonly arn: string
  readonly name: string
}

export type Tags = Readonly<Record<string, string>>

/** The tags that all pods of a service account share. */
export function commonTags({ namespace, serviceAccount }: Identity, cluster: TaggedCluster): Tags {
  return {
    'eks-cluster-arn': cluster.arn,
    'eks-cluster-name': cluster.name,
    'kubernetes-namespace': namespace,
    'kubernetes-service-account': serviceAccount,
  }
}

/**
 * Exactly the tags that EKS Pod Identity sets. Policies see them as aws:PrincipalTag/…, trust policies as aws:RequestTag/….
 */
export function podTags(identity: Identity, cluster: TaggedCluster): Tags {
  return {
    ...commonTags(identity, cluster),
    'kubernetes-pod-name': checkSessionPrefix,
    'kubernetes-pod-uid': randomUUID(),
  }
}

const longestSessionName = 64

export function sessionName({ namespace, serviceAccount }: Identity): string {
  return `${checkSessionPrefix}-${namespace}-${serviceAccount}`.slice(0, longestSessionName)
}

/**
 * The session may do only what both this policy and the role allow. The policy names no prefix: otherwise this policy would
 * refuse other prefixes, and the test would prove nothing about the role. It names no bucket either, because tags and
 * policy share a small limit: the six tags alone took 74 % of it (aws/containers-roadmap issue 2413). Without kms:Decrypt
 * it would refuse what the role allows.
 */
export const readOnlyPolicy = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Action: ['s3:ListBucket', 's3:GetObject'], Resource: '*' },
    { Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*', Condition: { StringLike: { 'kms:ViaService': 's3.*' } } },
  ],
} as const
