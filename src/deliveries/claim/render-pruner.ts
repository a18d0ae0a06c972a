/**
 * Removes old versions from the shared volume: a separate command, with permissions that the publisher does not have.
 */
import { fit, label } from '../../render/names.ts'
import { cronJob, podOf, volumeRoot, type PublisherPlan } from './render-publisher.ts'
import { explain, type Tree } from '../../render/tree.ts'
import type { SharedModel } from './render-trident.ts'

const name = 'model-pruner'

export function pruner(model: SharedModel, publisher: PublisherPlan, olderThan: string): readonly Tree[] {
  const { namespace } = publisher
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } },
    clusterRole(),
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
    cronJob(
      { name: `prune-${fit(label(model.claim), 46)}`, namespace },
      '23 3 * * *',
      podOf(model, publisher, {
        serviceAccountName: name,
        automountServiceAccountToken: true,
        args: [
          'publish',
          'prune',
          '--volume',
          volumeRoot,
          '--claim',
          `${namespace}/${model.claim}`,
          '--older-than',
          olderThan,
        ],
        env: [],
      }),
    ),
  ]
}

function clusterRole(): Tree {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name },
    rules: explain(
      'To see which versions are mounted, in whatever namespace. It refuses to remove anything where it cannot list.',
      [{ apiGroups: [''], resources: ['pods', 'persistentvolumeclaims'], verbs: ['list'] }],
    ),
  }
}
