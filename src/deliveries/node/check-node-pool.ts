/** Checks Karpenter's NodePools: nodes are made for pods with the model, and the pods may run on them. */
import type { NodePool, NodeRequirement, Taint } from '../../cluster/objects.ts'
import { nodeLabelValue } from '../../pod/scheduling.ts'
import type { Toleration } from '../../pod/pod.ts'
import { parseBytes, parseMillicores } from '../../values/quantity.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked, warning } from './checks.ts'
import { valueOf } from '../../diagnosis/lookup.ts'
import { checkClass, hasImage } from './check-node-class.ts'
import { notReady, renderRemedy, type BakedModel, type Karpenter } from './check-model.ts'
import { describeObject, patchObject } from '../../diagnosis/kubectl-commands.ts'
import { titlesOf, type Consumer } from '../shared/requested-model.ts'

/** Nodes that are labelled by hand need no NodePool. */
export function checkPools(model: BakedModel, karpenter: Karpenter, hasNodes: boolean): readonly Finding[] {
  const { pools } = karpenter
  if (pools.state === 'unknown') return [unchecked('node-pool', pools.why)]
  if (pools.state === 'absent') return []
  const own = pools.value.filter((pool) => declares(pool, model.label))
  if (own.length > 0) {
    return own.flatMap((pool) => [
      ok('node-pool', `${pool.metadata.name} declares ${model.label}: ${nodeLabelValue}`),
      ...checkPool(pool, model, karpenter),
    ])
  }
  return [
    hasNodes
      ? warning(
          'node-pool',
          `no NodePool declares ${model.label}; only the nodes that are there have the model`,
          renderRemedy(model),
        )
      : undeclared(model, karpenter),
  ]
}

/** A requirement also counts: nodes get it as a label. */
function declares({ spec: { template } }: NodePool, label: string): boolean {
  return (
    template.metadata?.labels?.[label] === nodeLabelValue ||
    template.spec.requirements?.some(
      ({ key, operator, values }) => key === label && operator === 'In' && values?.includes(nodeLabelValue) === true,
    ) === true
  )
}

/**
 * Finds the intended NodePool: its image is selected by the label, or it has the label in the wrong place or with another
 * value.
 */
function undeclared(model: BakedModel, karpenter: Karpenter): Finding {
  const problem = `no NodePool declares ${model.label}: ${nodeLabelValue}`
  for (const pool of valueOf(karpenter.pools) ?? []) {
    const how = meantBy(pool, model.label, karpenter)
    const { name } = pool.metadata
    if (how !== undefined) {
      return withCommands(
        error('node-pool', `${problem}; ${name} ${how}`, 'declare it in spec.template.metadata.labels'),
        patchTemplate(name, { metadata: { labels: { [model.label]: nodeLabelValue } } }),
      )
    }
  }
  return error('node-pool', problem, renderRemedy(model))
}

function meantBy(
  { metadata, spec: { template } }: NodePool,
  label: string,
  { classes }: Karpenter,
): string | undefined {
  const written = template.metadata?.labels?.[label]
  if (written !== undefined) return `says ${label}: ${written}`
  if (metadata.labels?.[label] !== undefined) return 'has the label on itself instead of its template'
  const own = valueOf(classes)?.find(({ metadata: { name } }) => name === template.spec.nodeClassRef.name)
  return own !== undefined && hasImage(own, label) ? 'has the image' : undefined
}

function patchTemplate(name: string, template: object): string {
  return patchObject({ kind: 'nodepool', name }, { spec: { template } })
}

function checkPool(pool: NodePool, model: BakedModel, { classes }: Karpenter): readonly Finding[] {
  return [
    checkReady(pool),
    ...checkLimits(pool),
    ...checkTaints(pool, model),
    ...checkSelectors(pool, model.consumers),
    ...checkClass(pool, model, classes),
  ]
}

function checkReady({ metadata: { name }, status }: NodePool): Finding {
  const problem = notReady(status?.conditions)
  if (problem === 'unsaid') return unchecked('node-pool-ready', `Karpenter has not said yet whether ${name} is ready`)
  if (problem === undefined) return ok('node-pool-ready', `${name} is ready`)
  return withCommands(
    error('node-pool-ready', `${name} is not ready: ${problem}`),
    describeObject({ kind: 'nodepool', name }),
  )
}

function checkLimits({ metadata: { name }, spec: { limits = {} }, status }: NodePool): readonly Finding[] {
  return Object.entries(limits).flatMap(([resource, limit]) => {
    const used = status?.resources?.[resource] ?? '0'
    if (amountOf(resource, used) < amountOf(resource, String(limit))) return []
    return [
      warning(
        'node-pool-ready',
        `${name} has reached its limit: ${used} of ${limit} ${resource}`,
        `raise spec.limits.${resource} of the NodePool, or make room`,
      ),
    ]
  })
}

function amountOf(resource: string, text: string): number {
  const amount = resource === 'cpu' ? parseMillicores(text) : parseBytes(text)
  return amount.ok ? amount.value : Number.POSITIVE_INFINITY
}

function checkTaints(pool: NodePool, model: BakedModel): readonly Finding[] {
  const {
    metadata: { name },
    spec: {
      template: {
        spec: { taints = [] },
      },
    },
  } = pool
  const refused = taints.flatMap((taint) => checkTolerated(pool, taint, model))
  if (!taints.some(({ key }) => key === model.taint.key)) return [...refused, unguardedPool(name, taints, model)]
  return refused.length > 0 ? refused : [ok('node-pool-taints', `${name}: ${taints.map(({ key }) => key).join(', ')}`)]
}

function checkTolerated(
  { metadata: { name }, spec: { template } }: NodePool,
  taint: Taint,
  model: BakedModel,
): readonly Finding[] {
  const kept = model.consumers.filter(
    (consumer) => taint.effect !== 'PreferNoSchedule' && !isTolerated(taint, tolerationsOf(consumer, model)),
  )
  if (kept.length === 0) return []
  const { key, value = '', effect } = taint
  const what = `${name} has the taint ${key}${value === '' ? '' : `=${value}`}:${effect}, which ${titlesOf(kept)} ${kept.length === 1 ? 'does' : 'do'} not tolerate`
  const others = (template.spec.taints ?? []).filter((one) => one !== taint)
  return [
    withCommands(
      error('node-pool-taints', what, 'take the taint away, as here, or tolerate it in the pod template'),
      patchTemplate(name, { spec: { taints: others } }),
    ),
  ]
}

function unguardedPool(name: string, taints: readonly Taint[], { taint }: BakedModel): Finding {
  return withCommands(
    warning(
      'node-pool-taints',
      `${name} does not have the taint ${taint.key}, so other pods fill its nodes`,
      'add the taint',
    ),
    patchTemplate(name, { spec: { taints: [...taints, taint] } }),
  )
}

function tolerationsOf({ spec }: Consumer, { taint, byHand }: BakedModel): readonly Toleration[] {
  return [...(spec.tolerations ?? []), ...(byHand ? [] : [{ key: taint.key, operator: 'Exists' }])]
}

/** Matches the scheduler (k8s.io/api/core/v1, Toleration.ToleratesTaint). */
function isTolerated(taint: Taint, tolerations: readonly Toleration[]): boolean {
  return tolerations.some(({ key = '', operator, effect = '', value = '' }) => {
    const isAboutIt = ['', taint.effect].includes(effect) && (key === '' ? operator === 'Exists' : key === taint.key)
    return isAboutIt && (operator === 'Exists' || value === (taint.value ?? ''))
  })
}

/** Compares the pods' other node selectors. */
function checkSelectors(pool: NodePool, consumers: readonly Consumer[]): readonly Finding[] {
  return consumers.flatMap(({ title, spec }) =>
    Object.entries(spec.nodeSelector ?? {}).flatMap(([key, value]) => {
      const has = excludes(pool, key, value)
      return has === undefined
        ? []
        : [
            error(
              'node-pool-taints',
              `${title} selects ${key}: ${value}, and nodes of ${pool.metadata.name} have ${has}`,
              'have a NodePool and an image for it, or correct nodeSelector of the pod template',
            ),
          ]
    }),
  )
}

/** The value on nodes of the pool instead of the requested one; undefined if they have it, or may have it. */
function excludes({ spec: { template } }: NodePool, key: string, value: string): string | undefined {
  const label = template.metadata?.labels?.[key]
  if (label !== undefined) return label === value ? undefined : label
  return template.spec.requirements
    ?.filter((requirement) => requirement.key === key && !allows(requirement, value))
    .map(({ operator, values = [] }) => `${operator} ${values.join(', ')}`)[0]
}

function allows({ operator, values = [] }: NodeRequirement, value: string): boolean {
  if (operator === 'In') return values.includes(value)
  return operator !== 'NotIn' || !values.includes(value)
}
