/**
 * Checks for `node://`: nodes with the model in their image, the Karpenter objects that make them, and a namespace that
 * allows hostPath.
 */
import type { Namespace, Node } from '../../cluster/objects.ts'
import { resources } from '../../cluster/resources.ts'
import { bakedTaint, nodeLabelFor } from './inject.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked } from './checks.ts'
import { lookup, whyNot, type Lookup } from '../../diagnosis/lookup.ts'
import { seeKarpenter, type BakedModel, type Karpenter } from './check-model.ts'
import { checkBakedNodes, nodesWith } from './check-nodes.ts'
import { checkPools } from './check-node-pool.ts'
import { checkWorkloads } from './check-workloads.ts'
import { listOf, type DeliveryCheck, type DeliveryCheckContext } from '../shared/check-context.ts'
import { sectionTitle, type RequestedModel } from '../shared/requested-model.ts'

export const checkNode: DeliveryCheck = async (question) => {
  const { cluster, namespace, models: requested } = question
  if (requested.length === 0) return []
  const karpenter = await seeKarpenter(cluster)
  const nodes = await listOf(cluster, resources.nodes)
  const models = requested.map((model) => bakedModel(question, model))
  const own = await lookup(() => cluster.get(resources.namespaces, namespace))
  const budgets = await listOf(cluster, resources.podDisruptionBudgets, { namespace })
  const needsHostPath = requested.some(({ source }) => source.scheme === 'node')
  return [
    {
      title: 'Nodes',
      findings: [
        checkKarpenter(karpenter, nodes, models),
        ...(needsHostPath ? [checkPodSecurity(own, namespace)] : []),
      ],
    },
    ...models.map((model) => ({
      title: sectionTitle(model.uri, model.consumers),
      findings: [
        ...checkPools(model, karpenter, nodesWith(model, nodes).length > 0),
        ...checkBakedNodes(model, nodes, karpenter),
        ...checkWorkloads(model, budgets),
      ],
    })),
  ]
}

/** An image in the nodes' store is identified by its reference. */
function bakedModel(
  { config: { annotationPrefix }, namespace }: DeliveryCheckContext,
  { source, consumers }: RequestedModel,
): BakedModel {
  const what = source.scheme === 'node' ? source.path : source.scheme === 'oci' ? source.reference : source.uri
  return {
    uri: source.uri,
    what,
    byHand: source.scheme === 'oci',
    label: nodeLabelFor(what, annotationPrefix),
    taint: bakedTaint(annotationPrefix),
    namespace,
    consumers,
  }
}

/** Nodes labelled by hand need no Karpenter. */
function checkKarpenter(
  { pools, classes }: Karpenter,
  nodes: Lookup<readonly Node[]>,
  models: readonly BakedModel[],
): Finding {
  const missing = [
    ...(pools.state === 'absent' ? ['NodePools (karpenter.sh/v1)'] : []),
    ...(classes.state === 'absent' ? ['EC2NodeClasses (karpenter.k8s.aws/v1)'] : []),
  ]
  if (missing.length === 0) {
    return pools.state === 'found'
      ? ok('karpenter', `NodePools: ${pools.value.length}`)
      : unchecked('karpenter', whyNot(pools))
  }
  const what = `the API server knows no ${missing.join(' and no ')}`
  const areThere = models.every((model) => nodesWith(model, nodes).length > 0)
  return areThere ? ok('karpenter', `${what}; nodes with the model are there`) : error('karpenter', what)
}

const enforced = 'pod-security.kubernetes.io/enforce'

/** Other admission plugins or a cluster default may also forbid hostPath; `why --server` asks the API server. */
function checkPodSecurity(own: Lookup<Namespace>, namespace: string): Finding {
  if (own.state !== 'found') return unchecked('pod-security', whyNot(own))
  const level = own.value.metadata.labels?.[enforced]
  if (level !== 'baseline' && level !== 'restricted') {
    return ok(
      'pod-security',
      level === undefined
        ? `${namespace} enforces no Pod Security Standard by label`
        : `${namespace} enforces ${level}`,
    )
  }
  const finding = error(
    'pod-security',
    `${namespace} enforces the Pod Security Standard ${level}, which forbids hostPath`,
    'use a namespace of its own for these pods, or an image volume instead (model-injector render node --oci). Users who may create pods in a privileged namespace can become root on the nodes; if that is intended:',
  )
  return withCommands(finding, `kubectl label namespace ${namespace} --overwrite ${enforced}=privileged`)
}
