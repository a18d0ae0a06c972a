/** Checks the nodes whose label says that they have a model. */
import type { Node } from '../../cluster/objects.ts'
import { nodeLabelValue } from '../../pod/scheduling.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { ok, unchecked, warning } from './checks.ts'
import { valueOf, whyNot, type Lookup } from '../../diagnosis/lookup.ts'
import type { BakedModel, Karpenter } from './check-model.ts'

export function nodesWith({ label }: BakedModel, nodes: Lookup<readonly Node[]>): readonly Node[] {
  return (valueOf(nodes) ?? []).filter(({ metadata }) => metadata.labels?.[label] === nodeLabelValue)
}

export function checkBakedNodes(
  model: BakedModel,
  nodes: Lookup<readonly Node[]>,
  { pools }: Karpenter,
): readonly Finding[] {
  if (nodes.state !== 'found') return [unchecked('baked-nodes', whyNot(nodes))]
  const own = nodesWith(model, nodes)
  const problems = [...mislabelled(nodes.value, model), ...unguarded(own, model), ...unusable(own, model)]
  if (problems.length > 0) return problems
  if (own.length > 0) return [ok('baked-nodes', `${own.filter(isUsable).length} of ${own.length} ready`)]
  return pools.state === 'found' ? [ok('baked-nodes', 'none yet; Karpenter makes one for the first pod')] : []
}

function mislabelled(nodes: readonly Node[], { label }: BakedModel): readonly Finding[] {
  return nodes.flatMap(({ metadata: { name, labels } }) => {
    const value = labels?.[label] ?? nodeLabelValue
    if (value === nodeLabelValue) return []
    const finding = warning(
      'baked-nodes',
      `the node ${name} has ${label}: ${value}, and pods look for ${nodeLabelValue}`,
      'correct the label, if the node has the model',
    )
    return [withCommands(finding, `kubectl label node ${name} --overwrite ${label}=${nodeLabelValue}`)]
  })
}

function unguarded(nodes: readonly Node[], { taint }: BakedModel): readonly Finding[] {
  const open = nodes
    .filter(({ spec }) => spec.taints?.some(({ key }) => key === taint.key) !== true)
    .map(({ metadata }) => metadata.name)
  if (open.length === 0) return []
  const finding = warning(
    'baked-nodes',
    `without the taint ${taint.key} other pods fill the nodes with the model: ${open.slice(0, 3).join(', ')}`,
    'taint them',
  )
  return [withCommands(finding, `kubectl taint nodes ${open.join(' ')} ${taint.key}:${taint.effect}`)]
}

function unusable(nodes: readonly Node[], { label }: BakedModel): readonly Finding[] {
  if (nodes.length === 0 || nodes.some(isUsable)) return []
  const finding = warning('baked-nodes', `of ${nodes.length} with the model none is ready and takes pods`)
  return [withCommands(finding, `kubectl get nodes -l ${label}=${nodeLabelValue}`)]
}

function isUsable({ spec, status }: Node): boolean {
  return (
    spec.unschedulable !== true &&
    status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true
  )
}
