/** The pods counted by model and version, and by namespace. */
import { versionOf, type Row } from './rows.ts'
import { modelMatches } from './select-rows.ts'
import { compareTexts } from './sort-rows.ts'
import type { ViewState } from './view-state.ts'

export interface Group {
  readonly namespace: string
  readonly family: string
  readonly version: string
  readonly pods: Set<Row>
  readonly namespaces: Set<string>
  readonly families: Set<string>
  readonly versions: Set<string>
  readonly deliveries: Set<string>
}

/** One group for each version of each model family. */
export function groupByModel(rows: readonly Row[], state: ViewState): readonly Group[] {
  const groups = new Map<string, Group>()
  for (const row of rows) {
    for (const model of row.pod.models.filter(modelMatches(state))) {
      const [family, version] = [model.family, versionOf(model)]
      const group = groupOf(groups, JSON.stringify([family, version]), { namespace: '', family, version })
      addTo(group, row, model)
    }
  }
  return [...groups.values()]
}

export function groupByNamespace(rows: readonly Row[]): readonly Group[] {
  const groups = new Map<string, Group>()
  for (const row of rows) {
    const group = groupOf(groups, row.pod.namespace, { namespace: row.pod.namespace, family: '', version: '' })
    group.pods.add(row)
    for (const model of row.pod.models) addTo(group, row, model)
  }
  return [...groups.values()]
}

export function countJudgements({ pods }: Group): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { judgements } of pods) {
    for (const judgement of judgements) counts.set(judgement, (counts.get(judgement) ?? 0) + 1)
  }
  return counts
}

/** Pods that do not conform. */
export function countDeviating({ pods }: Group): number {
  return [...pods].filter(({ judgements }) => !judgements.includes('conforming')).length
}

type GroupComparison = (one: Group, other: Group) => number

const byName: GroupComparison = (one, other) =>
  compareTexts(one.family, other.family) ||
  compareTexts(one.version, other.version) ||
  compareTexts(one.namespace, other.namespace)

const groupComparisons: Readonly<Record<string, GroupComparison>> = {
  model: byName,
  namespace: byName,
  version: (one, other) => compareTexts(one.version, other.version),
  models: (one, other) => one.families.size - other.families.size,
  versions: (one, other) => one.versions.size - other.versions.size,
  namespaces: (one, other) => one.namespaces.size - other.namespaces.size,
  pods: (one, other) => one.pods.size - other.pods.size,
  deviating: (one, other) => countDeviating(one) - countDeviating(other),
}

/** Sorts by `column`, or else by name. */
export function sortGroups(groups: readonly Group[], column: string, isDescending: boolean): readonly Group[] {
  const compare = Object.hasOwn(groupComparisons, column) ? groupComparisons[column] : byName
  const direction = isDescending ? -1 : 1
  return groups.toSorted((one, other) => direction * (compare?.(one, other) ?? 0) || byName(one, other))
}

function groupOf(
  groups: Map<string, Group>,
  key: string,
  names: Pick<Group, 'namespace' | 'family' | 'version'>,
): Group {
  const known = groups.get(key)
  if (known !== undefined) return known
  const group = {
    ...names,
    pods: new Set<Row>(),
    namespaces: new Set<string>(),
    families: new Set<string>(),
    versions: new Set<string>(),
    deliveries: new Set<string>(),
  }
  groups.set(key, group)
  return group
}

function addTo(group: Group, row: Row, model: Row['pod']['models'][number]): void {
  group.pods.add(row)
  group.namespaces.add(row.pod.namespace)
  group.families.add(model.family)
  // The same version number of another model is another version.
  group.versions.add(JSON.stringify([model.family, versionOf(model)]))
  group.deliveries.add(model.delivery)
}
