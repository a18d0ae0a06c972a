/**
 * Checks workloads that request a model of nodes: they are scheduled to it, and stay available while nodes are replaced.
 */
import type { PodDisruptionBudget } from '../../cluster/objects.ts'
import { nodeLabelValue } from '../../pod/scheduling.ts'
import { quoteWord } from '../../values/shell.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { ok, unchecked, warning } from './checks.ts'
import { selects } from '../../cluster/label-selector.ts'
import { whyNot, type Lookup } from '../../diagnosis/lookup.ts'
import type { BakedModel } from './check-model.ts'
import { patchObject } from '../../diagnosis/kubectl-commands.ts'
import type { Consumer } from '../shared/requested-model.ts'

export function checkWorkloads(model: BakedModel, budgets: Lookup<readonly PodDisruptionBudget[]>): readonly Finding[] {
  return model.consumers.flatMap((consumer) => [
    ...checkPlace(consumer, model),
    ...checkBudget(consumer, model, budgets),
  ])
}

/** A DaemonSet needs the label in its own selector to stay on nodes with the model. */
function checkPlace({ kind, name, title, spec }: Consumer, { label, namespace }: BakedModel): readonly Finding[] {
  if (spec.nodeSelector?.[label] === nodeLabelValue) return []
  if (spec.nodeName) {
    return [
      warning(
        'daemon-set',
        `${title} names its node, ${spec.nodeName}; where that does not have the model the kubelet refuses the pod`,
        `select nodes by the label ${label}: ${nodeLabelValue} instead of nodeName`,
      ),
    ]
  }
  if (kind !== 'DaemonSet') return []
  return [
    withCommands(
      warning('daemon-set', `${title} makes a pod for every node, and those without the model stay Pending`),
      patchObject(
        { kind: 'daemonset', name, namespace },
        { spec: { template: { spec: { nodeSelector: { [label]: nodeLabelValue } } } } },
      ),
    ),
  ]
}

function checkBudget(
  { kind, name, title, replicas = 1, labels }: Consumer,
  { namespace }: BakedModel,
  budgets: Lookup<readonly PodDisruptionBudget[]>,
): readonly Finding[] {
  if (replicas < 2 || (kind !== 'Deployment' && kind !== 'StatefulSet')) return []
  if (budgets.state !== 'found') return [unchecked('disruption-budget', whyNot(budgets))]
  const own = budgets.value.find(({ spec }) => selects(spec?.selector ?? {}, labels))
  if (own !== undefined) return [ok('disruption-budget', `${title}: ${own.metadata.name}`)]
  const selector = Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
  return [
    withCommands(
      warning('disruption-budget', `${title} has ${replicas} pods and no PodDisruptionBudget`),
      `kubectl create poddisruptionbudget ${quoteWord(name)} -n ${namespace} --selector=${quoteWord(selector)} --max-unavailable=1`,
    ),
  ]
}
