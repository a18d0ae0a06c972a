/** Parses flags about roles: who may read which models. */
import type { ReadAccess, Identity, Scope, Trust } from './access.ts'
import { fit } from './names.ts'
import { problemIf } from '../flags/flags.ts'

interface TrustFlags {
  readonly credentials: 'pod-identity' | 'irsa'
  readonly oidcProvider: string | undefined
}

export function trustOf({ credentials, oidcProvider }: TrustFlags): Trust {
  return credentials === 'irsa' ? { kind: 'irsa', provider: oidcProvider ?? '' } : { kind: 'pod-identity' }
}

export function trustProblems({
  credentials,
  oidcProvider,
  scope,
}: TrustFlags & { readonly scope?: Scope | undefined }): readonly string[] {
  return [
    ...problemIf(
      credentials === 'irsa' && oidcProvider === undefined,
      '--oidc-provider <host/path> is required with --credentials irsa; `aws eks describe-cluster --query cluster.identity.oidc.issuer` shows it',
    ),
    ...problemIf(credentials !== 'irsa' && oidcProvider !== undefined, '--oidc-provider belongs to --credentials irsa'),
    ...problemIf(
      credentials === 'irsa' && scope !== undefined && scope !== 'source',
      '--scope namespace and --scope service-account need the session tags of EKS Pod Identity, which --credentials irsa does not have',
    ),
  ]
}

export function identitiesOf(namespaces: readonly string[], serviceAccounts: readonly string[]): Identity[] {
  return [...new Set(namespaces)].flatMap((namespace) =>
    [...new Set(serviceAccounts)].map((serviceAccount) => ({ namespace, serviceAccount })),
  )
}

/** A role for many is named after what its users share. */
export function roleNameOf({
  cluster,
  scope,
  identities,
}: Pick<ReadAccess, 'cluster' | 'scope' | 'identities'>): string {
  const [first] = identities
  const middle =
    scope === 'source' && identities.length === 1 && first !== undefined
      ? `${first.namespace}-${first.serviceAccount}`
      : (first?.serviceAccount ?? '')
  return fit(`${cluster.name}-${middle}-models`, 64)
}
