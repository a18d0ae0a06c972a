import jsonPatch from 'fast-json-patch'
import t from 'tap'
import { defaultConfig } from '../../../src/config/parse-config.ts'
import { inject } from '../../../src/inject/inject.ts'
import { diff } from '../../../src/inject/patch.ts'
import type { Operation } from 'fast-json-patch'
import type { Container, Pod } from '../../../src/pod/pod.ts'
import { podWith } from '../../kit/webhook/pods.ts'

const containers: Container[] = [{ name: 'app' }]
const [a, b, c, d]: Container[] = [{ name: 'a', image: 'a:1' }, { name: 'b' }, { name: 'c' }, { name: 'd' }] as [
  Container,
  Container,
  Container,
  Container,
]

function podOf(initContainers?: readonly Container[] | null, more: object = {}): Pod {
  return { spec: { containers, ...(initContainers !== undefined && { initContainers }), ...more } }
}

const cases: readonly [name: string, before: Pod, after: Pod, patch: readonly Operation[]][] = [
  ['nothing changed', podOf([a]), podOf([a]), []],
  [
    'an init container goes in front of others',
    podOf([b, c]),
    podOf([a, b, c]),
    [{ op: 'add', path: '/spec/initContainers/0', value: a }],
  ],
  ['one goes between', podOf([b, c]), podOf([b, a, c]), [{ op: 'add', path: '/spec/initContainers/1', value: a }]],
  ['one goes to the end', podOf([b, c]), podOf([b, c, a]), [{ op: 'add', path: '/spec/initContainers/2', value: a }]],
  [
    'two go to different places',
    podOf([b, c]),
    podOf([a, b, d, c]),
    [
      { op: 'add', path: '/spec/initContainers/0', value: a },
      { op: 'add', path: '/spec/initContainers/2', value: d },
    ],
  ],
  [
    'the first of all is added to a pod without the list',
    podOf(),
    podOf([a]),
    [{ op: 'add', path: '/spec/initContainers', value: [a] }],
  ],
  [
    'the first of all is added to an empty list',
    podOf([]),
    podOf([a]),
    [{ op: 'add', path: '/spec/initContainers/0', value: a }],
  ],
  [
    'the first of all is added where the list is null',
    podOf(null),
    podOf([a]),
    [{ op: 'replace', path: '/spec/initContainers', value: [a] }],
  ],
  [
    'a new one comes and an old one is changed',
    podOf([b, c]),
    podOf([a, b, { name: 'c', image: 'x' }]),
    [
      { op: 'add', path: '/spec/initContainers/1/image', value: 'x' },
      { op: 'add', path: '/spec/initContainers/0', value: a },
    ],
  ],
  [
    'a key has both characters that a pointer escapes',
    { spec: { containers }, metadata: { annotations: {} } },
    { spec: { containers }, metadata: { annotations: { 'a/b~c': 'x' } } },
    [{ op: 'add', path: '/metadata/annotations/a~1b~0c', value: 'x' }],
  ],
  [
    'metadata is missing',
    { spec: { containers } },
    { metadata: { labels: { a: 'b' } }, spec: { containers } },
    [{ op: 'add', path: '/metadata', value: { labels: { a: 'b' } } }],
  ],
]

for (const [name, before, after, patch] of cases) {
  t.test(`the patch names no more than it must where ${name}`, (t) => {
    t.strictSame(diff(before, after), patch)
    t.strictSame(jsonPatch.applyPatch(structuredClone(before), structuredClone([...patch]), true).newDocument, after)
    t.end()
  })
}

const loader: Container = {
  name: 'model-loader',
  args: ['load'],
  env: [{ name: 'MODEL_SOURCE', value: 's3://models/llama/' }],
}

for (const [before, after] of [
  [
    [loader, a, b],
    [a, loader, b],
  ],
  [
    [a, b, loader],
    [loader, a, b],
  ],
  [
    [a, b],
    [b, a],
  ],
  [[a, b, c], [c]],
  [[a], []],
] as const) {
  t.test(
    `the patch is right where ${before.map(({ name }) => name).join(', ')} become ${after.map(({ name }) => name).join(', ') || 'none'}`,
    (t) => {
      const patch = diff(podOf(before), podOf(after))
      t.strictSame(
        jsonPatch.applyPatch(podOf(structuredClone([...before])), structuredClone(patch), true).newDocument,
        podOf(after),
      )
      t.end()
    },
  )
}

t.test('a loader that moves costs two operations', (t) => {
  t.strictSame(
    diff(podOf([loader, a, b]), podOf([a, loader, b])).map(({ op, path }) => [op, path]),
    [
      ['remove', '/spec/initContainers/0'],
      ['add', '/spec/initContainers/1'],
    ],
  )
  t.end()
})

t.test('the patch of an ordinary pod adds and replaces nothing', (t) => {
  const outcome = inject(
    podWith({ source: 's3://models/llama/' }, { initContainers: [a, b], volumes: [{ name: 'data', emptyDir: {} }] }),
    'team',
    defaultConfig,
  )
  t.ok(outcome.outcome === 'injected')
  if (outcome.outcome !== 'injected') return
  t.strictSame(outcome.patch.map(({ op, path }) => `${op} ${path}`).sort(), [
    'add /metadata/annotations/cluster-autoscaler.kubernetes.io~1safe-to-evict-local-volumes',
    'add /metadata/annotations/models.example.io~1status',
    'add /metadata/labels',
    'add /spec/containers/0/volumeMounts',
    'add /spec/initContainers/0',
    'add /spec/volumes/1',
    'add /spec/volumes/2',
    'add /spec/volumes/3',
  ])
  t.end()
})
