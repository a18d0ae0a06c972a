/**
 * Scheduling of a pod: labels that its node has to have, taints that it tolerates, gates that hold it back. The pod's own
 * fields are only ever added to, and the additions can be removed again.
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

export interface Scheduling {
  /** Keys; the value is `present`. */
  readonly nodeLabels: readonly string[]
  /** Keys of taints that keep pods off a node. */
  readonly tolerations: readonly string[]
  readonly schedulingGates: readonly string[]
}

/** The value of every label that says that a node has a model. */
export const nodeLabelValue = 'present'

const required = 'requiredDuringSchedulingIgnoredDuringExecution'

/** The requirements that a pod does not have yet. */
export function missingScheduling(spec: PodSpec, { nodeLabels, tolerations, schedulingGates }: Scheduling): Scheduling {
  const gates = new Set(spec.schedulingGates?.map(({ name }) => name))
  return {
    nodeLabels: missingLabels(spec, distinct(nodeLabels)),
    tolerations: missingTolerations(spec, distinct(tolerations)),
    schedulingGates: distinct(schedulingGates).filter((gate) => !gates.has(gate)),
  }
}

/**
 * True where the node has to have the labels and may have the taints. Gates do not count: they are there to be taken
 * away.
 */
export function hasScheduling(spec: PodSpec, scheduling: Partial<Scheduling>): boolean {
  const { nodeLabels, tolerations } = missingScheduling(spec, { ...noScheduling, ...scheduling })
  return nodeLabels.length === 0 && tolerations.length === 0
}

export const noScheduling: Scheduling = { nodeLabels: [], tolerations: [], schedulingGates: [] }

/** Adds requirements, all of which have to be missing in the spec. */
export function addScheduling(spec: PodSpec, { nodeLabels, tolerations, schedulingGates }: Scheduling): PodSpec {
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

/** The fields of a spec without these requirements; a field left empty is undefined. */
export function fieldsWithoutScheduling(
  spec: PodSpec,
  scheduling: Partial<Scheduling>,
): Readonly<Record<string, unknown>> {
  const { nodeLabels, tolerations, schedulingGates } = { ...noScheduling, ...scheduling }
  return {
    ...(nodeLabels.length > 0 &&
      spec.affinity && {
        affinity: anyField<Affinity>({
          ...spec.affinity,
          nodeAffinity: releaseLabels(spec.affinity.nodeAffinity, nodeLabels),
        }),
      }),
    ...(tolerations.length > 0 && {
      tolerations: anyItem(withoutLast(spec.tolerations, countsOf(tolerations), addedTaint)),
    }),
    ...(schedulingGates.length > 0 && {
      schedulingGates: anyItem(withoutGates(spec, new Set(schedulingGates))),
    }),
  }
}

function withoutGates({ schedulingGates }: PodSpec, gates: ReadonlySet<string>): readonly { readonly name?: string }[] {
  return (schedulingGates ?? []).filter(({ name = '' }) => !gates.has(name))
}

/** The labels of a prefix that a pod asks for by affinity, in the way in which they are added here. */
export function labelsAskedFor(spec: PodSpec, prefix: string): readonly string[] {
  const labels = termsOf(spec).flatMap(({ matchExpressions }) => (matchExpressions ?? []).flatMap(addedLabel))
  return distinct(labels.flatMap((label) => (label?.startsWith(prefix) === true ? label : [])))
}

/** The field of a pod that asks for nodes without the label, or with another value of it. */
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

/** The field by which a pod keeps off all nodes whose label has the value. */
export function avoidanceOf(spec: PodSpec, label: string, value: string): Conflict | undefined {
  const selected = spec.nodeSelector?.[label]
  if (selected !== undefined && selected !== value) return { field: `spec.nodeSelector[${label}]`, found: selected }
  const conflicts = termsOf(spec).map((term, i) => termConflict(term, i, { label, value }))
  return conflicts.every((conflict) => conflict !== undefined) ? conflicts[0] : undefined
}

function affinityConflict(spec: PodSpec, label: string): Conflict | undefined {
  for (const [i, term] of termsOf(spec).entries()) {
    const conflict = termConflict(term, i, { label, value: nodeLabelValue })
    if (conflict !== undefined) return conflict
  }
  return undefined
}

interface NodeLabel {
  readonly label: string
  readonly value: string
}

function termConflict(
  { matchExpressions }: NodeSelectorTerm,
  i: number,
  { label, value }: NodeLabel,
): Conflict | undefined {
  const j = (matchExpressions ?? []).findIndex((one) => one.key === label && !allowsValue(one, value))
  const expression = matchExpressions?.[j]
  if (expression === undefined) return undefined
  return {
    field: `spec.affinity.nodeAffinity.${required}.nodeSelectorTerms[${i}].matchExpressions[${j}]`,
    found: [expression.operator, ...(expression.values ?? []).slice(0, 10)].join(' '),
  }
}

function allowsValue({ operator, values }: NodeSelectorRequirement, value: string): boolean {
  const listed = values?.includes(value) === true
  return operator === 'Exists' || (operator === 'In' && listed) || (operator === 'NotIn' && !listed)
}

/** Terms that the API server refuses (an empty list) or that no node matches (empty terms) are left as they are. */
function missingLabels(spec: PodSpec, labels: readonly string[]): readonly string[] {
  const unselected = labels.filter((label) => spec.nodeSelector?.[label] !== nodeLabelValue)
  if (unselected.length === 0 || !spec.affinity?.nodeAffinity?.[required]) return unselected
  const terms = termsOf(spec).filter(saysSomething)
  const asked = countsOf(terms.flatMap(({ matchExpressions }) => distinct((matchExpressions ?? []).map(addedLabel))))
  return unselected.filter((label) => (asked.get(label) ?? 0) < terms.length)
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
  const released = countsOf(labels)
  const terms = (selector.nodeSelectorTerms ?? []).flatMap((term) => releaseTerm(term, released))
  return anyField<NodeAffinity>({
    ...nodeAffinity,
    [required]: anyField<NodeSelector>({ ...selector, nodeSelectorTerms: anyItem(terms) }),
  })
}

/** Nothing is left of a term that was made for the labels. */
function releaseTerm(term: NodeSelectorTerm, labels: Counts): readonly NodeSelectorTerm[] {
  const matchExpressions = withoutLast(term.matchExpressions, labels, addedLabel)
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

/** The label, where a requirement is as `present` makes it. */
function addedLabel({ key, operator, values }: NodeSelectorRequirement): string | undefined {
  return operator === 'In' && values?.length === 1 && values[0] === nodeLabelValue ? key : undefined
}

function toleration(taint: string): Toleration {
  return { key: taint, operator: 'Exists', effect: 'NoSchedule' }
}

/** The taint, where a toleration is as `toleration` makes it. */
function addedTaint({ key, operator, effect }: Toleration): string | undefined {
  return operator === 'Exists' && effect === 'NoSchedule' ? key : undefined
}

/** A toleration without a key tolerates every taint, one without an effect every effect. */
function missingTolerations({ tolerations }: PodSpec, taints: readonly string[]): readonly string[] {
  const keys = (tolerations ?? [])
    .filter(({ operator, effect }) => operator === 'Exists' && (!effect || effect === 'NoSchedule'))
    .map(({ key }) => key ?? '')
  const tolerated = new Set(keys)
  return tolerated.has('') ? [] : taints.filter((taint) => !tolerated.has(taint))
}

/** How often each key occurs. */
type Counts = ReadonlyMap<string | undefined, number>

function countsOf(keys: readonly (string | undefined)[]): Counts {
  const counts = new Map<string | undefined, number>()
  for (const key of keys) if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}

/** The list without the last items of the keys, as many of each as were counted. */
function withoutLast<T>(
  list: readonly T[] | null | undefined,
  removed: Counts,
  keyOf: (item: T) => string | undefined,
): readonly T[] {
  const taken = new Map<string | undefined, number>()
  const isKept = (item: T): boolean => {
    const key = keyOf(item)
    const count = taken.get(key) ?? 0
    if (count >= (removed.get(key) ?? 0)) return true
    taken.set(key, count + 1)
    return false
  }
  return [...(list ?? [])].reverse().filter(isKept).reverse()
}

function distinct<T>(items: readonly T[]): readonly T[] {
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
