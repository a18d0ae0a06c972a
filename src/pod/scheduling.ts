/**
 * Where and when a pod may be scheduled: labels that its node has to have, taints that it tolerates, gates that hold it
 * back. What stands in the pod is only ever added to, and what was added can be taken out again.
 */
import type {
  Affinity,
  NodeAffinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodSpec,
  Toleration,
} from './pod.ts'

export interface Placement {
  /** Keys; the value is `present`. */
  readonly nodeLabels: readonly string[]
  /** Keys of taints that keep pods off a node. */
  readonly tolerations: readonly string[]
  readonly schedulingGates: readonly string[]
}

/** The value of every label that says that a node has a model. */
export const nodeLabelValue = 'present'

const required = 'requiredDuringSchedulingIgnoredDuringExecution'

/** The part of a placement that a pod does not have yet. */
export function missingPlacement(spec: PodSpec, { nodeLabels, tolerations, schedulingGates }: Placement): Placement {
  return {
    nodeLabels: distinct(nodeLabels).filter((label) => !requiresLabel(spec, label)),
    tolerations: distinct(tolerations).filter((taint) => !tolerates(spec, taint)),
    schedulingGates: distinct(schedulingGates).filter(
      (gate) => !spec.schedulingGates?.some(({ name }) => name === gate),
    ),
  }
}

/** True where the node has to have the labels and may have the taints. Gates do not count: they are there to be taken away. */
export function isPlaced(spec: PodSpec, placement: Partial<Placement>): boolean {
  const { nodeLabels, tolerations } = missingPlacement(spec, { ...nowhere, ...placement })
  return nodeLabels.length === 0 && tolerations.length === 0
}

export const nowhere: Placement = { nodeLabels: [], tolerations: [], schedulingGates: [] }

/** The spec with all of a placement added, which has to be missing in it. */
export function placePod(spec: PodSpec, { nodeLabels, tolerations, schedulingGates }: Placement): PodSpec {
  return {
    ...spec,
    ...(nodeLabels.length > 0 && {
      affinity: { ...spec.affinity, nodeAffinity: requireLabels(spec.affinity?.nodeAffinity, nodeLabels) },
    }),
    ...(tolerations.length > 0 && { tolerations: [...(spec.tolerations ?? []), ...tolerations.map(toleration)] }),
    ...(schedulingGates.length > 0 && {
      schedulingGates: [...(spec.schedulingGates ?? []), ...schedulingGates.map((name) => ({ name }))],
    }),
  }
}

/** The fields of a spec from which a placement has been taken out; those that are empty then are undefined. */
export function displacedFields(spec: PodSpec, placement: Partial<Placement>): Readonly<Record<string, unknown>> {
  const { nodeLabels, tolerations, schedulingGates } = { ...nowhere, ...placement }
  return {
    ...(nodeLabels.length > 0 &&
      spec.affinity && {
        affinity: anyField<Affinity>({
          ...spec.affinity,
          nodeAffinity: releaseLabels(spec.affinity.nodeAffinity, nodeLabels),
        }),
      }),
    ...(tolerations.length > 0 && {
      tolerations: anyItem(withoutLast(spec.tolerations, tolerations.map(toleration), isSameToleration)),
    }),
    ...(schedulingGates.length > 0 && {
      schedulingGates: anyItem((spec.schedulingGates ?? []).filter(({ name = '' }) => !schedulingGates.includes(name))),
    }),
  }
}

/** The labels of a prefix that a pod asks for by affinity, in the way in which they are added here. */
export function labelsAskedFor(spec: PodSpec, prefix: string): readonly string[] {
  const keys = termsOf(spec)
    .flatMap(({ matchExpressions }) => matchExpressions ?? [])
    .filter(({ key = '' }) => key.startsWith(prefix))
  return distinct(
    keys.flatMap((expression) =>
      expression.key !== undefined && isSameRequirement(expression, present(expression.key)) ? expression.key : [],
    ),
  )
}

/** Where a pod asks for nodes without the label, or with another value of it: the field and what it says. */
export function labelConflict(spec: PodSpec, label: string): Conflict | undefined {
  const selected = spec.nodeSelector?.[label]
  return selected === undefined || selected === nodeLabelValue
    ? affinityConflict(spec, label)
    : { field: `spec.nodeSelector[${label}]`, found: selected }
}

interface Conflict {
  readonly field: string
  readonly found: string
}

function affinityConflict(spec: PodSpec, label: string): Conflict | undefined {
  const [conflict] = termsOf(spec).flatMap(({ matchExpressions }, i) =>
    (matchExpressions ?? []).flatMap((expression, j) => {
      if (expression.key !== label || allowsPresent(expression)) return []
      const field = `spec.affinity.nodeAffinity.${required}.nodeSelectorTerms[${i}].matchExpressions[${j}]`
      return { field, found: [expression.operator, ...(expression.values ?? [])].join(' ') }
    }),
  )
  return conflict
}

function allowsPresent({ operator, values }: NodeSelectorRequirement): boolean {
  const listed = values?.includes(nodeLabelValue) === true
  return operator === 'Exists' || (operator === 'In' && listed) || (operator === 'NotIn' && !listed)
}

/** What the API server refuses (no term at all) and what no node matches (terms that say nothing) is not for us to mend. */
function requiresLabel(spec: PodSpec, label: string): boolean {
  if (spec.nodeSelector?.[label] === nodeLabelValue) return true
  if (!spec.affinity?.nodeAffinity?.[required]) return false
  return termsOf(spec)
    .filter(saysSomething)
    .every(({ matchExpressions }) => matchExpressions?.some((one) => isSameRequirement(one, present(label))))
}

function termsOf({ affinity }: PodSpec): readonly NodeSelectorTerm[] {
  return affinity?.nodeAffinity?.[required]?.nodeSelectorTerms ?? []
}

/**
 * A node has to match one term, so each gets the labels, also one that has them: what is added can then be taken out of
 * all. A term that says nothing matches no node; with labels it would let in nodes that no other term does.
 */
function requireLabels(nodeAffinity: NodeAffinity | null | undefined, labels: readonly string[]): NodeAffinity {
  const selector = nodeAffinity?.[required]
  const added = labels.map(present)
  const terms: readonly NodeSelectorTerm[] = selector?.nodeSelectorTerms?.map((term) =>
    saysSomething(term) ? { ...term, matchExpressions: [...(term.matchExpressions ?? []), ...added] } : term,
  ) ?? [{ matchExpressions: added }]
  return { ...nodeAffinity, [required]: { ...selector, nodeSelectorTerms: terms } }
}

function releaseLabels(
  nodeAffinity: NodeAffinity | null | undefined,
  labels: readonly string[],
): NodeAffinity | undefined {
  const selector = nodeAffinity?.[required]
  if (!selector) return nodeAffinity ?? undefined
  const terms = (selector.nodeSelectorTerms ?? []).flatMap((term) => releaseTerm(term, labels))
  return anyField<NodeAffinity>({
    ...nodeAffinity,
    [required]: anyField<NodeSelector>({ ...selector, nodeSelectorTerms: anyItem(terms) }),
  })
}

/** Nothing is left of a term that was made for the labels. */
function releaseTerm(term: NodeSelectorTerm, labels: readonly string[]): readonly NodeSelectorTerm[] {
  const matchExpressions = withoutLast(term.matchExpressions, labels.map(present), isSameRequirement)
  if (matchExpressions.length === (term.matchExpressions ?? []).length) return [term]
  const released = anyField<NodeSelectorTerm>({ ...term, matchExpressions: anyItem(matchExpressions) })
  return released === undefined ? [] : [released]
}

function saysSomething({ matchExpressions, matchFields }: NodeSelectorTerm): boolean {
  return (matchExpressions ?? []).length > 0 || (matchFields ?? []).length > 0
}

function present(label: string): NodeSelectorRequirement {
  return { key: label, operator: 'In', values: [nodeLabelValue] }
}

function isSameRequirement(one: NodeSelectorRequirement, other: NodeSelectorRequirement): boolean {
  return one.key === other.key && one.operator === other.operator && one.values?.join() === other.values?.join()
}

function toleration(taint: string): Toleration {
  return { key: taint, operator: 'Exists', effect: 'NoSchedule' }
}

function isSameToleration(one: Toleration, other: Toleration): boolean {
  return one.key === other.key && one.operator === other.operator && one.effect === other.effect
}

function tolerates({ tolerations }: PodSpec, taint: string): boolean {
  return (
    tolerations?.some(
      ({ key, operator, effect }) =>
        operator === 'Exists' && (!key || key === taint) && (!effect || effect === 'NoSchedule'),
    ) === true
  )
}

/** The list without the last item that equals each of those given. */
function withoutLast<T>(
  list: readonly T[] | null | undefined,
  items: readonly T[],
  isSame: (one: T, other: T) => boolean,
): readonly T[] {
  return items.reduce<readonly T[]>((rest, item) => {
    const index = rest.findLastIndex((one) => isSame(one, item))
    return index < 0 ? rest : rest.toSpliced(index, 1)
  }, list ?? [])
}

function distinct(items: readonly string[]): readonly string[] {
  return [...new Set(items)]
}

function anyItem<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length > 0 ? list : undefined
}

/** The object without the fields that are undefined; undefined where no field is left. */
function anyField<T extends object>(object: { readonly [K in keyof T]: T[K] | undefined }): T | undefined {
  const fields = Object.entries(object).filter(([, value]) => value !== undefined)
  return fields.length > 0 ? (Object.fromEntries(fields) as T) : undefined
}
