/** A model in a machine image, and the Karpenter objects that make nodes from it. */
import type { Cluster } from '../../cluster/cluster.ts'
import type { EC2NodeClass, NodePool } from '../../cluster/objects.ts'
import type { Condition } from '../../cluster/pod-status.ts'
import { resources } from '../../cluster/resources.ts'
import type { Lookup } from '../../diagnosis/lookup.ts'
import { listOf } from '../shared/check-context.ts'
import type { Consumer } from '../shared/requested-model.ts'

export interface BakedModel {
  readonly uri: string
  /** The path, or the image's reference in the node's store. */
  readonly what: string
  /** True for image volumes: the webhook adds neither label nor toleration for them. */
  readonly byHand: boolean
  readonly label: string
  readonly taint: { readonly key: string; readonly effect: string }
  /** Namespace of the pods. */
  readonly namespace: string
  readonly consumers: readonly Consumer[]
}

export interface Karpenter {
  readonly pools: Lookup<readonly NodePool[]>
  readonly classes: Lookup<readonly EC2NodeClass[]>
}

export async function seeKarpenter(cluster: Cluster): Promise<Karpenter> {
  const [pools, classes] = await Promise.all([
    listOf(cluster, resources.nodePools),
    listOf(cluster, resources.ec2NodeClasses),
  ])
  return { pools, classes }
}

export function renderRemedy({ what, byHand }: BakedModel): string {
  return `apply what model-injector render node ${byHand ? '--oci' : '--path'} ${what} prints`
}

/**
 * `unsaid` until Karpenter has reported a status, undefined if ready. `Ready` sums up the other conditions, which are more
 * specific.
 */
export function notReady(conditions: readonly Condition[] = []): string | undefined {
  const ready = conditions.find(({ type }) => type === 'Ready')
  if (ready === undefined) return 'unsaid'
  if (ready.status === 'True') return undefined
  const reasons = conditions.filter(({ type, status }) => type !== 'Ready' && status === 'False')
  return (reasons.length > 0 ? reasons : [ready]).map(describe).join('; ')
}

function describe({ type, reason, message }: Condition): string {
  return [type, reason, message].filter((part) => part !== undefined && part !== '').join(', ')
}
