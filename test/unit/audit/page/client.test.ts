/** The parts of the page that need no browser. */
import t from 'tap'
import { judgements } from '../../../../src/audit/judgement.ts'
import { splitAtDifference } from '../../../../src/audit/page/client/diff-table.ts'
import {
  countDeviating,
  groupByModel,
  groupByNamespace,
  sortGroups,
} from '../../../../src/audit/page/client/group-rows.ts'
import { pageOf } from '../../../../src/audit/page/client/pages.ts'
import { makeRows, noVersion } from '../../../../src/audit/page/client/rows.ts'
import { selectRows } from '../../../../src/audit/page/client/select-rows.ts'
import { sortRows } from '../../../../src/audit/page/client/sort-rows.ts'
import {
  everything,
  isFiltered,
  readState,
  writeState,
  type ViewState,
} from '../../../../src/audit/page/client/view-state.ts'
import { judged, makeModel, makePod } from '../../../audit/page/sample-pods.ts'

const withoutVersion = { ...makeModel(0), name: 'c', source: 'pvc://models', family: 'pvc://models' }
delete (withoutVersion as { version?: string }).version
const pods = [
  makePod(1, {
    namespace: 'a',
    name: 'p-10',
    judgements: [judged('conforming')],
    models: [
      { ...makeModel(0), family: 'x', version: '1' },
      { ...makeModel(0), family: 'y', version: '2' },
    ],
  }),
  makePod(2, {
    namespace: 'a',
    name: 'p-9',
    judgements: [judged('outdated'), judged('unpinned')],
    models: [{ ...makeModel(0), family: 'x', version: '2' }],
  }),
  makePod(3, { namespace: 'b', name: 'p-9', judgements: [judged('spoofed')], models: [withoutVersion] }),
]
const rows = makeRows(pods, judgements)
const select = (change: Partial<ViewState>): string[] =>
  selectRows(rows, { ...everything, ...change }).rows.map(({ key }) => key)

t.test('what is waived is the last of a pod, and is counted and found as waived only', (t) => {
  const waived = { ...judged('tampered'), waived: { reason: 'ticket 7', until: '2026-12-31' } }
  const [row] = makeRows([makePod(1, { judgements: [waived, judged('unpinned'), judged('conforming')] })], judgements)
  t.strictSame(row?.judgements, ['unpinned', 'conforming'])
  t.strictSame(
    row?.judged.map(({ judgement }) => judgement),
    ['unpinned', 'conforming', 'tampered'],
  )
  const chosen = (name: string): number => selectRows([row!], { ...everything, judgements: [name] }).rows.length
  t.strictSame(['tampered', 'unpinned', 'waived'].map(chosen), [0, 1, 1])
  t.equal(selectRows([row!], { ...everything, search: 'ticket 7' }).rows.length, 1)
  t.end()
})

t.test('an address is read back as the same view', (t) => {
  const states: Partial<ViewState>[] = [
    {},
    { view: 'models', sort: 'pods', isDescending: true, page: 3 },
    {
      search: 'a & b=c #d',
      namespace: '100%',
      family: 's3://b/ü/',
      version: '1+2',
      owner: 'Deployment/א',
      judgements: ['missing', 'spoofed'],
      open: ['a/b', 'a/c#2'],
    },
  ]
  for (const state of states) {
    t.strictSame(readState(writeState({ ...everything, ...state })), { ...everything, ...state })
  }
  t.equal(writeState(everything), '#')
  t.end()
})

t.test('the order and the open pods are no filter', (t) => {
  t.notOk(isFiltered({ ...everything, view: 'models', sort: 'pods', open: ['a/b'], page: 2 }))
  for (const change of [
    { search: 'a' },
    { judgements: ['missing'] },
    { namespace: 'a' },
    { family: 'a' },
    { version: 'a' },
    { owner: 'a' },
  ]) {
    t.ok(isFiltered({ ...everything, ...change }))
  }
  t.end()
})

t.test('a model and a version have to be those of one model', (t) => {
  t.strictSame(select({ family: 'x', version: '2' }), ['a/p-9'])
  t.strictSame(select({ version: '2' }), ['a/p-10', 'a/p-9'])
  t.strictSame(select({ version: noVersion }), ['b/p-9'])
  t.end()
})

t.test('a choice is counted as if its own filter were not set, and the others are', (t) => {
  const { counts } = selectRows(rows, { ...everything, namespace: 'a', judgements: ['outdated'] })
  t.strictSame(
    [...counts.judgement],
    [
      ['conforming', 1],
      ['outdated', 1],
      ['unpinned', 1],
    ],
  )
  t.strictSame([...counts.namespace], [['a', 1]])
  t.strictSame(
    [...selectRows(rows, { ...everything, family: 'x' }).counts.version],
    [
      ['1', 1],
      ['2', 1],
    ],
    'versions of y are none of x',
  )
  t.end()
})

t.test('the worst come first; numbers in names count as numbers; equal ones stand by namespace and name', (t) => {
  const order = (column: string, isDescending = false): string[] =>
    sortRows(rows, column, isDescending).map(({ key }) => key)
  t.strictSame(order(''), ['b/p-9', 'a/p-9', 'a/p-10'])
  t.strictSame(order('pod'), ['a/p-9', 'b/p-9', 'a/p-10'])
  t.strictSame(order('pod', true), ['a/p-10', 'a/p-9', 'b/p-9'])
  t.strictSame(order('constructor'), order(''))
  t.strictSame(order('created', true), ['b/p-9', 'a/p-9', 'a/p-10'])
  t.end()
})

t.test('objects of one name are kept apart', (t) => {
  t.strictSame(
    makeRows([pods[0]!, pods[0]!], judgements).map(({ key }) => key),
    ['a/p-10', 'a/p-10#2'],
  )
  t.end()
})

t.test('models are counted by version, a pod in each of its own', (t) => {
  const groups = sortGroups(groupByModel(rows, everything), '', false)
  t.strictSame(
    groups.map(({ family, version, pods: own }) => [family, version, own.size]),
    [
      ['pvc://models', noVersion, 1],
      ['x', '1', 1],
      ['x', '2', 1],
      ['y', '2', 1],
    ],
  )
  t.strictSame(groups.map(countDeviating), [1, 0, 1, 0])
  t.strictSame(
    groupByModel(rows, { ...everything, version: '2' }).map(({ family }) => family),
    ['y', 'x'],
    'only those that were asked for',
  )
  t.end()
})

t.test('namespaces are counted with their models and versions', (t) => {
  const [a] = sortGroups(groupByNamespace(rows), 'pods', true)
  t.strictSame([a?.namespace, a?.pods.size, a?.families.size, a?.versions.size], ['a', 2, 2, 3])
  t.end()
})

t.test('a difference is marked by whole words', (t) => {
  t.strictSame(splitAtDifference('s3://m/llama/1.2.0/', 's3://m/llama/1.3.0/'), [
    's3://m/llama/',
    '1.2.0',
    '1.3.0',
    '/',
  ])
  t.strictSame(splitAtDifference('true', 'false'), ['', 'true', 'false', ''])
  t.strictSame(splitAtDifference('a, b', 'a, b, b'), ['a, b', '', ', b', ''])
  t.strictSame(splitAtDifference('', 'x'), ['', '', 'x', ''])
  t.strictSame(splitAtDifference('a/😀', 'a/😁'), ['a/', '😀', '😁', ''])
  t.end()
})

t.test('there is always a page, and no page after the last', (t) => {
  t.match(pageOf([], 7, 50), { items: [], number: 1, pages: 1 })
  t.match(pageOf([1, 2, 3], 99, 2), { items: [3], number: 2, pages: 2, first: 3 })
  t.match(pageOf([1, 2, 3], 0, 2), { items: [1, 2], number: 1 })
  t.end()
})
