import t from 'tap'
import type { NodeSelectorTerm, PodSpec, Toleration } from '../../../src/pod/pod.ts'
import {
  fieldsWithoutScheduling,
  hasScheduling,
  labelConflict,
  labelsAskedFor,
  missingScheduling,
  noScheduling,
  addScheduling,
} from '../../../src/pod/scheduling.ts'

const label = 'node.models.example.io/0123456789abcdef'
const zone = { key: 'zone', operator: 'In', values: ['a'] }
const ours = { key: label, operator: 'In', values: ['present'] }
const containers = [{ name: 'app' }]

function withTerms(...nodeSelectorTerms: readonly NodeSelectorTerm[]): PodSpec {
  return {
    containers,
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
  }
}

function termsOf({ affinity }: PodSpec): unknown {
  return affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
}

/** The spec with what of the label is missing, and the same with that taken out again. */
function roundTrip(spec: PodSpec): { placed: PodSpec; released: Record<string, unknown> } {
  const missing = missingScheduling(spec, { ...noScheduling, nodeLabels: [label] })
  const placed = addScheduling(spec, missing)
  return {
    placed,
    released: JSON.parse(JSON.stringify({ ...placed, ...fieldsWithoutScheduling(placed, missing) })) as Record<
      string,
      unknown
    >,
  }
}

const merged: readonly [name: string, spec: PodSpec, terms: unknown][] = [
  ['no affinity', { containers }, [{ matchExpressions: [ours] }]],
  ['an affinity to other pods', { containers, affinity: { podAffinity: { x: 1 } } }, [{ matchExpressions: [ours] }]],
  [
    'preferred nodes',
    { containers, affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1 }] } } },
    [{ matchExpressions: [ours] }],
  ],
  ['one term', withTerms({ matchExpressions: [zone] }), [{ matchExpressions: [zone, ours] }]],
  [
    'two terms, of which a node has to match one',
    withTerms({ matchExpressions: [zone] }, { matchExpressions: [{ key: 'gpu', operator: 'Exists' }] }),
    [{ matchExpressions: [zone, ours] }, { matchExpressions: [{ key: 'gpu', operator: 'Exists' }, ours] }],
  ],
  [
    'a term about fields',
    withTerms({ matchFields: [{ key: 'metadata.name' }] }),
    [{ matchFields: [{ key: 'metadata.name' }], matchExpressions: [ours] }],
  ],
  [
    'a term that no node matches in addition to another',
    withTerms({}, { matchExpressions: [zone] }),
    [{}, { matchExpressions: [zone, ours] }],
  ],
  [
    'the label in one term of two',
    withTerms({ matchExpressions: [ours] }, { matchExpressions: [zone] }),
    [{ matchExpressions: [ours, ours] }, { matchExpressions: [zone, ours] }],
  ],
]

for (const [name, spec, terms] of merged) {
  t.test(`a label is required in addition to ${name}, and can be taken out again`, (t) => {
    const { placed, released } = roundTrip(spec)
    t.strictSame(termsOf(placed), terms)
    t.ok(hasScheduling(placed, { nodeLabels: [label] }))
    t.notOk(hasScheduling(spec, { nodeLabels: [label] }))
    t.strictSame(released, spec)
    t.end()
  })
}

const settled: readonly [name: string, spec: PodSpec][] = [
  ['is in the nodeSelector', { containers, nodeSelector: { [label]: 'present' } }],
  ['is in every term', withTerms({ matchExpressions: [ours, zone] }, { matchExpressions: [ours] })],
  ['is in every term that says something', withTerms({ matchExpressions: [ours] }, {})],
  ['is asked of a pod that no node matches', withTerms({}, { matchExpressions: [] })],
  ['is asked of a pod that the API server refuses', withTerms()],
]

for (const [name, spec] of settled) {
  t.test(`nothing is added where the label ${name}`, (t) => {
    t.strictSame(missingScheduling(spec, { ...noScheduling, nodeLabels: [label] }), noScheduling)
    t.strictSame(roundTrip(spec), { placed: spec, released: spec })
    t.end()
  })
}

const conflicts: readonly [name: string, spec: PodSpec, conflict: unknown][] = [
  [
    'another value in the nodeSelector',
    { containers, nodeSelector: { [label]: 'absent' } },
    { field: `spec.nodeSelector[${label}]`, found: 'absent' },
  ],
  [
    'other values',
    withTerms({ matchExpressions: [zone, { key: label, operator: 'In', values: ['a', 'b'] }] }),
    { field: /nodeSelectorTerms\[0\]\.matchExpressions\[1\]$/, found: 'In a b' },
  ],
  [
    'not this value',
    withTerms(
      { matchExpressions: [zone] },
      { matchExpressions: [{ key: label, operator: 'NotIn', values: ['present'] }] },
    ),
    { field: /nodeSelectorTerms\[1\]\.matchExpressions\[0\]$/, found: 'NotIn present' },
  ],
  [
    'no such label',
    withTerms({ matchExpressions: [{ key: label, operator: 'DoesNotExist' }] }),
    { found: 'DoesNotExist' },
  ],
  ['a number', withTerms({ matchExpressions: [{ key: label, operator: 'Gt', values: ['1'] }] }), { found: 'Gt 1' }],
]

for (const [name, spec, conflict] of conflicts) {
  t.test(`a pod that asks for ${name} excludes the nodes with the label`, (t) => {
    t.match(labelConflict(spec, label), conflict)
    t.equal(labelConflict(spec, 'node.models.example.io/other'), undefined, 'but not those with another')
    t.end()
  })
}

t.test('a pod that asks for the label in other words excludes nothing', (t) => {
  const words: NodeSelectorTerm[] = [
    { key: label, operator: 'Exists' },
    { key: label, operator: 'In', values: ['x', 'present'] },
    { key: label, operator: 'NotIn', values: ['absent'] },
  ].map((expression) => ({ matchExpressions: [expression] }))
  for (const term of words) t.equal(labelConflict(withTerms(term), label), undefined, JSON.stringify(term))
  t.equal(labelConflict({ containers, nodeSelector: { [label]: 'present' } }, label), undefined)
  t.end()
})

t.test('two labels go in together and come out one by one', (t) => {
  const placed = addScheduling(withTerms({ matchExpressions: [zone] }), {
    ...noScheduling,
    nodeLabels: [label, 'other'],
  })
  const released = { ...placed, ...fieldsWithoutScheduling(placed, { nodeLabels: ['other'] }) }
  t.strictSame(termsOf(released), [{ matchExpressions: [zone, ours] }])
  t.strictSame(labelsAskedFor(placed, 'node.models.example.io/'), [label])
  t.strictSame(
    labelsAskedFor(withTerms({ matchExpressions: [{ key: label, operator: 'Exists' }] }), 'node.models.example.io/'),
    [],
    'that somebody else wrote',
  )
  t.end()
})

t.test('the same label or taint of two models is one', (t) => {
  t.strictSame(
    missingScheduling(
      { containers },
      { nodeLabels: [label, label], tolerations: ['x', 'x'], schedulingGates: ['g', 'g'] },
    ),
    { nodeLabels: [label], tolerations: ['x'], schedulingGates: ['g'] },
  )
  t.end()
})

const taint = 'models.example.io/baked'
const tolerated: readonly [toleration: Toleration, enough: boolean][] = [
  [{ operator: 'Exists' }, true],
  [{ key: taint, operator: 'Exists' }, true],
  [{ key: taint, operator: 'Exists', effect: 'NoSchedule' }, true],
  [{ operator: 'Exists', effect: 'NoExecute' }, false],
  [{ key: taint, operator: 'Equal', value: '' }, false],
  [{ key: 'other', operator: 'Exists' }, false],
]

for (const [toleration, enough] of tolerated) {
  t.test(
    `the toleration ${JSON.stringify(toleration)} is ${enough ? '' : 'not '}enough for the taint, whatever its value`,
    (t) => {
      const spec = { containers, tolerations: [toleration] }
      const missing = missingScheduling(spec, { ...noScheduling, tolerations: [taint] })
      t.strictSame(missing.tolerations, enough ? [] : [taint])
      const placed = addScheduling(spec, missing)
      t.strictSame(placed.tolerations, [
        toleration,
        ...(enough ? [] : [{ key: taint, operator: 'Exists', effect: 'NoSchedule' }]),
      ])
      t.strictSame({ ...placed, ...fieldsWithoutScheduling(placed, missing) }, spec)
      t.end()
    },
  )
}

t.test('a gate is added once and taken out by its name; a gate that is gone is no damage', (t) => {
  const spec = { containers, schedulingGates: [{ name: 'quota' }] }
  const placed = addScheduling(spec, { ...noScheduling, schedulingGates: ['room'] })
  t.strictSame(placed.schedulingGates, [{ name: 'quota' }, { name: 'room' }])
  t.strictSame(missingScheduling(placed, { ...noScheduling, schedulingGates: ['room'] }), noScheduling)
  t.strictSame(fieldsWithoutScheduling(placed, { schedulingGates: ['room'] }), { schedulingGates: [{ name: 'quota' }] })
  t.strictSame(
    fieldsWithoutScheduling({ containers, schedulingGates: [{ name: 'room' }] }, { schedulingGates: ['room'] }),
    {
      schedulingGates: undefined,
    },
  )
  t.ok(hasScheduling(spec, { schedulingGates: ['room'] }))
  t.end()
})
