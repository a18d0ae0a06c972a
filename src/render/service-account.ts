/** The service account of pods that get a role. */
import type { ReadAccess, Identity } from './access.ts'
import { roleArn } from './arn.ts'
import { explain, type Branch, type Tree } from './tree.ts'

/** Leaves out `default`, which every namespace already has. */
export function serviceAccounts(access: ReadAccess): readonly Tree[] {
  return access.identities
    .filter((identity) => identity.serviceAccount !== 'default')
    .map((identity) => serviceAccount(identity, access))
}

export function serviceAccount(
  { namespace, serviceAccount: name }: Identity,
  access: ReadAccess,
  { automountToken }: { automountToken?: false } = {},
): Tree {
  const object = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace, ...(access.trust.kind === 'irsa' ? { annotations: roleAnnotation(access) } : {}) },
    ...(automountToken === false
      ? { automountServiceAccountToken: explain('It asks nothing of the API server.', false) }
      : {}),
  }
  if (access.trust.kind === 'irsa') return object
  return explain(
    'EKS Pod Identity needs no annotation here: the association names the namespace and the service account.',
    object,
  )
}

function roleAnnotation({ cluster, role }: ReadAccess): Branch {
  return {
    'eks.amazonaws.com/role-arn': explain(
      'The identity webhook of EKS reads it; pods that exist keep what they have.',
      roleArn(cluster, role),
    ),
    'eks.amazonaws.com/sts-regional-endpoints': 'true',
  }
}
