/** Filters the rows, and counts what each other choice of a filter would show. One pass, for it runs at every key that is pressed. */
import { countedAs, versionOf, type Row } from './rows.ts'
import type { ViewState } from './view-state.ts'

const facets = ['judgement', 'namespace', 'family', 'version', 'owner'] as const
type Facet = (typeof facets)[number]

/** Pods by value: of those that all other filters let through. */
export type FacetCounts = Readonly<Record<Facet, ReadonlyMap<string, number>>>

export interface Selection {
  readonly rows: readonly Row[]
  readonly counts: FacetCounts
}

type TestName = 'judgement' | 'namespace' | 'model' | 'owner' | 'search'
type Test = readonly [name: TestName, passes: (row: Row) => boolean]

const testOf: Readonly<Record<Facet, TestName>> = {
  judgement: 'judgement',
  namespace: 'namespace',
  family: 'model',
  version: 'model',
  owner: 'owner',
}

export function selectRows(rows: readonly Row[], state: ViewState): Selection {
  const tests = testsOf(state)
  const counts: Record<Facet, Map<string, number>> = {
    judgement: new Map(),
    namespace: new Map(),
    family: new Map(),
    version: new Map(),
    owner: new Map(),
  }
  const selected: Row[] = []
  for (const row of rows) {
    const failed = tests.filter(([, passes]) => !passes(row))
    if (failed.length === 0) selected.push(row)
    if (failed.length > 1) continue
    for (const facet of facets) {
      if (failed.length === 0 || failed[0]?.[0] === testOf[facet]) {
        countValues(counts[facet], valuesOf(facet, row, state))
      }
    }
  }
  return { rows: selected, counts }
}

/** A version is one of a family: both have to be those of the same model. */
export function modelMatches({
  family,
  version,
}: Pick<ViewState, 'family' | 'version'>): (model: Row['pod']['models'][number]) => boolean {
  return (model) => (family === '' || model.family === family) && (version === '' || versionOf(model) === version)
}

function testsOf(state: ViewState): readonly Test[] {
  const words = state.search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  const owner = state.owner.toLowerCase()
  const isAnyModel = state.family === '' && state.version === ''
  const matches = modelMatches(state)
  return [
    [
      'judgement',
      (row) => state.judgements.length === 0 || countedAs(row).some((name) => state.judgements.includes(name)),
    ],
    ['namespace', ({ pod }) => state.namespace === '' || pod.namespace === state.namespace],
    ['model', ({ pod }) => isAnyModel || pod.models.some(matches)],
    ['owner', (row) => owner === '' || row.owner.toLowerCase().includes(owner)],
    ['search', ({ text }) => words.every((word) => text.includes(word))],
  ]
}

function valuesOf(facet: Facet, row: Row, { family, version }: ViewState): readonly string[] {
  const { pod, owner } = row
  switch (facet) {
    case 'judgement':
      return countedAs(row)
    case 'namespace':
      return [pod.namespace]
    case 'family':
      return pod.models.filter(modelMatches({ family: '', version })).map((model) => model.family)
    case 'version':
      return pod.models.filter(modelMatches({ family, version: '' })).map(versionOf)
    case 'owner':
      return [owner]
  }
}

function countValues(counts: Map<string, number>, values: readonly string[]): void {
  for (const value of values.length > 1 ? new Set(values) : values) counts.set(value, (counts.get(value) ?? 0) + 1)
}
