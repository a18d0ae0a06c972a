/**
 * Checks that the webhook's service account has only the permissions that the chart grants: the webhook itself needs none.
 */
import type { RoleBinding } from '../../cluster/objects.ts'
import type { Finding } from '../../diagnosis/finding.ts'
import { ok, unchecked, warning } from '../installation-findings.ts'
import type { Survey } from '../survey.ts'

export function checkPermissions({ deployment, roleBindings }: Survey): readonly Finding[] {
  if (deployment.state !== 'found') return []
  if (roleBindings.state !== 'found') {
    return [unchecked('permissions', roleBindings.state === 'unknown' ? roleBindings.why : 'there are no bindings')]
  }
  const {
    metadata: { namespace = '' },
    spec: {
      template: { spec },
    },
  } = deployment.value
  const account = spec.serviceAccountName ?? 'default'
  const bindings = roleBindings.value.filter((binding) => !isBuiltIn(binding) && isAbout(binding, namespace, account))
  const foreign = bindings.filter((binding) => !isOfChart(binding))
  if (foreign.length > 0) {
    return [warning('permissions', `${namespace}/${account} has ${foreign.map(describe).join(', ')}`)]
  }
  const token = spec.automountServiceAccountToken === false ? ', and no token' : ''
  const own =
    bindings.length === 0
      ? `${namespace}/${account} has none`
      : `${namespace}/${account} has only what the chart granted: ${bindings.map(describe).join(', ')}`
  return [ok('permissions', `${own}${bindings.length === 0 ? token : ''}`)]
}

/** Matches the account itself, and the groups that contain every service account of the namespace. */
function isAbout({ subjects = [] }: RoleBinding, namespace: string, account: string): boolean {
  return subjects.some(({ kind, name, namespace: own }) =>
    kind === 'ServiceAccount'
      ? name === account && own === namespace
      : name === 'system:serviceaccounts' ||
        name === `system:serviceaccounts:${namespace}` ||
        name === `system:serviceaccount:${namespace}:${account}`,
  )
}

/** Bindings that the API server itself creates, for all users. */
function isBuiltIn({ metadata }: RoleBinding): boolean {
  return metadata.labels?.['kubernetes.io/bootstrapping'] === 'rbac-defaults'
}

function isOfChart({ metadata }: RoleBinding): boolean {
  const { 'app.kubernetes.io/name': name, 'helm.sh/chart': chart = '' } = metadata.labels ?? {}
  return name === 'model-injector' || chart.startsWith('model-injector-')
}

function describe({ kind, metadata, roleRef }: RoleBinding): string {
  return `${roleRef.kind} ${roleRef.name} (by ${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name})`
}
