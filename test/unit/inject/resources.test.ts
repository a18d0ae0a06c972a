import t from 'tap'
import { defaultConfig } from '../../../src/config/parse-config.ts'
import { inject, type Outcome } from '../../../src/inject/inject.ts'
import type { Container, Resources, Volume } from '../../../src/pod/pod.ts'
import { withHeadroom } from '../../../src/values/quantity.ts'
import { podWith } from '../../kit/webhook/pods.ts'

interface Case {
  readonly annotations?: Record<string, string>
  readonly apps?: readonly Resources[]
  readonly init?: readonly Container[]
  readonly sidecar?: Resources
  readonly pod?: Resources
  readonly volumes?: readonly Volume[]
}

function outcomeOf({ annotations = {}, apps = [{}], init, sidecar, pod, volumes }: Case): Outcome {
  const containers = [
    ...apps.map((resources, i) => ({ name: `app-${i}`, resources })),
    ...(sidecar === undefined ? [] : [{ name: 'istio-proxy', resources: sidecar }]),
  ]
  return inject(
    podWith(
      { source: 's3://models/llama/', ...annotations },
      {
        containers,
        ...(init !== undefined && { initContainers: init }),
        ...(pod !== undefined && { resources: pod }),
        ...(volumes !== undefined && { volumes }),
      },
    ),
    'team',
    defaultConfig,
  )
}

function resourcesOf(example: Case): unknown {
  const outcome = outcomeOf(example)
  if (outcome.outcome !== 'injected') {
    return outcome.outcome === 'denied'
      ? outcome.diagnostics.map(({ reason, field }) => `${reason} ${field}`)
      : outcome.reason
  }
  return outcome.pod.spec.initContainers?.find(({ name }) => name === 'model-loader')?.resources
}

const guaranteed = { requests: { cpu: '4', memory: '16Gi' }, limits: { cpu: '4', memory: '16Gi' } }
const small = { requests: { cpu: '500m', memory: '256Mi' }, limits: { cpu: '500m', memory: '256Mi' } }
const burstable = { requests: { cpu: '500m', memory: '384Mi' }, limits: { cpu: '4', memory: '8Gi' } }
const unlimited = { requests: { cpu: '3', memory: '4Gi' } }

const shares: readonly [name: string, example: Case, resources: Resources][] = [
  ['a BestEffort pod gets no cpu and no memory', {}, {}],
  [
    'a BestEffort pod stays one even where its annotations ask for more',
    { annotations: { cpu: '1', memory: '1Gi' } },
    {},
  ],
  ['requests of zero are none', { apps: [{ requests: { cpu: '0', memory: 0 } }] }, {}],
  [
    'a Guaranteed pod stays one, with the usual share',
    { apps: [guaranteed] },
    { requests: { cpu: '2', memory: '512Mi' }, limits: { cpu: '2', memory: '512Mi' } },
  ],
  [
    'a small Guaranteed pod gives no more than it has',
    { apps: [small] },
    { requests: { cpu: '500m', memory: '256Mi' }, limits: { cpu: '500m', memory: '256Mi' } },
  ],
  [
    'limits alone are requests too',
    { apps: [{ limits: { cpu: 1, memory: '1Gi' } }] },
    { requests: { cpu: '1', memory: '512Mi' }, limits: { cpu: '1', memory: '512Mi' } },
  ],
  [
    'a Burstable pod lends its requests, and its limits as far as needed',
    { apps: [burstable] },
    { requests: { cpu: '500m', memory: '384Mi' }, limits: { cpu: '2', memory: '512Mi' } },
  ],
  [
    'without limits of the app only memory is limited',
    { apps: [unlimited] },
    { requests: { cpu: '2', memory: '512Mi' }, limits: { memory: '512Mi' } },
  ],
  [
    'two containers run at once, so their sum is lent',
    { apps: [burstable, burstable] },
    { requests: { cpu: '1', memory: '512Mi' }, limits: { cpu: '2', memory: '512Mi' } },
  ],
  [
    'a limit counts only where every container has one',
    { apps: [small, { requests: { memory: '100Mi' } }] },
    { requests: { cpu: '500m', memory: '356Mi' }, limits: { memory: '512Mi' } },
  ],
  [
    'cpu is not requested if no container requests it',
    { apps: [{ requests: { memory: '1Gi' } }] },
    { requests: { memory: '512Mi' }, limits: { memory: '512Mi' } },
  ],
  [
    'another init container alone makes the pod Burstable and lends nothing',
    { init: [{ name: 'migrate', resources: small }] },
    {},
  ],
  [
    'requests of the pod are kept',
    { apps: [burstable], annotations: { cpu: '3', memory: '6Gi' } },
    { requests: { cpu: '3', memory: '6Gi' }, limits: { cpu: '3', memory: '6Gi' } },
  ],
  [
    'requests of the pod keep it Guaranteed',
    { apps: [guaranteed], annotations: { cpu: '1', memory: '1Gi' } },
    { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } },
  ],
  [
    'a mesh proxy lends nothing',
    { apps: [small], sidecar: burstable },
    { requests: { cpu: '500m', memory: '256Mi' }, limits: { cpu: '500m', memory: '256Mi' } },
  ],
  ['a mesh proxy does not make a BestEffort app more', { sidecar: burstable }, {}],
  [
    'init containers of a mesh do not either',
    { init: [{ name: 'istio-init', resources: burstable }], annotations: { memory: '1Gi' } },
    {},
  ],
  [
    'init containers of known agents do not either',
    { init: [{ name: 'vault-agent-init', resources: burstable }], annotations: { memory: '1Gi' } },
    {},
  ],
  [
    'nor is a memory volume counted as if the agent were the app',
    { init: [{ name: 'vault-agent-init', resources: burstable }], annotations: { volume: 'memory', size: '1Gi' } },
    {},
  ],
  [
    'the pod as a whole caps the loader',
    { apps: [unlimited], pod: { requests: { cpu: '1', memory: '300Mi' }, limits: { cpu: '1', memory: '300Mi' } } },
    {
      requests: { cpu: '1', memory: '300Mi' },
      limits: { cpu: '1', memory: '300Mi' },
    },
  ],
  [
    'the pod as a whole lends where its containers say nothing',
    { pod: burstable },
    { requests: { cpu: '500m', memory: '384Mi' }, limits: { cpu: '2', memory: '512Mi' } },
  ],
  [
    'a pod that only limits itself as a whole asks for its limit, and still does',
    { pod: { limits: { cpu: '4', memory: '16Gi' } } },
    {},
  ],
  [
    'disk: D and the requests of the app, no limit where the app has none',
    {
      annotations: { size: '20Gi' },
      apps: [{ requests: { 'ephemeral-storage': '1Gi' } }, { requests: { 'ephemeral-storage': '512Mi' } }],
    },
    {
      requests: { 'ephemeral-storage': '22016Mi' },
    },
  ],
  [
    'disk: the models of the pod add up',
    { annotations: { size: '20Gi', 'source.b': 's3://models/b/', 'size.b': '10Gi' } },
    { requests: { 'ephemeral-storage': '30Gi' } },
  ],
  // 20Gi + 2 % = 20889.6Mi, + 64Mi = 20953.6Mi, rounded up to 20954Mi, + 2Gi of the app.
  [
    'disk: a limit of the app makes one for the loader, with 2 % and 64Mi on top',
    {
      annotations: { size: '20Gi' },
      apps: [{ requests: { 'ephemeral-storage': '1Gi' }, limits: { 'ephemeral-storage': '2Gi' } }],
    },
    {
      requests: { 'ephemeral-storage': '21Gi' },
      limits: { 'ephemeral-storage': '23002Mi' },
    },
  ],
  [
    'disk: a limit without a request is a request',
    { annotations: { size: '1Gi' }, apps: [{ limits: { 'ephemeral-storage': '2Gi' } }] },
    {
      requests: { 'ephemeral-storage': '3Gi' },
      limits: { 'ephemeral-storage': '3157Mi' },
    },
  ],
  [
    'disk: a model in memory counts nothing on disk',
    { annotations: { size: '1Gi', volume: 'memory' }, apps: [{ requests: { 'ephemeral-storage': '2Gi' } }] },
    { requests: { 'ephemeral-storage': '2Gi' } },
  ],
  ['disk: nor does one on a volume of its own', { annotations: { size: '1Gi', volume: 'ephemeral/fast' } }, {}],
  [
    'memory: M and what the app asks for if that is more than the loader needs',
    { annotations: { size: '10Gi', volume: 'memory' }, apps: [unlimited] },
    {
      requests: { cpu: '2', memory: '14Gi' },
      limits: { memory: '14Gi' },
    },
  ],
  [
    'memory: M and what the loader needs if that is more',
    { annotations: { size: '10Gi', volume: 'memory' }, apps: [{ requests: { memory: '100Mi' } }] },
    {
      requests: { memory: '10752Mi' },
      limits: { memory: '10752Mi' },
    },
  ],
  [
    'memory: M and the limits of the app where all have one',
    { annotations: { size: '10Gi', volume: 'memory' }, apps: [burstable] },
    {
      requests: { cpu: '500m', memory: '10752Mi' },
      limits: { cpu: '2', memory: '18Gi' },
    },
  ],
  [
    'memory: a Guaranteed pod stays one',
    { annotations: { size: '10Gi', volume: 'memory' }, apps: [guaranteed] },
    {
      requests: { cpu: '2', memory: '26Gi' },
      limits: { cpu: '2', memory: '26Gi' },
    },
  ],
]

for (const [name, example, resources] of shares) {
  t.test(name, (t) => {
    t.strictSame(resourcesOf(example), resources)
    t.end()
  })
}

const refused: readonly [name: string, example: Case, problem: string][] = [
  [
    'an app with less memory than a loader needs',
    { apps: [{ limits: { cpu: '1', memory: '128Mi' } }] },
    'ResourcesTooSmall metadata.annotations[models.example.io/memory]',
  ],
  [
    'less memory by annotation than a loader needs',
    { apps: [guaranteed], annotations: { memory: '191Mi' } },
    'ResourcesTooSmall metadata.annotations[models.example.io/memory]',
  ],
  [
    'more cpu than the pod as a whole may have',
    { pod: { limits: { cpu: '1', memory: '1Gi' } }, annotations: { cpu: '2' } },
    'ResourcesTooSmall metadata.annotations[models.example.io/cpu]',
  ],
  [
    'more memory than the pod as a whole may have',
    { pod: { limits: { cpu: '1', memory: '1Gi' } }, annotations: { memory: '2Gi' } },
    'ResourcesTooSmall metadata.annotations[models.example.io/memory]',
  ],
  [
    'a model in memory that the pod as a whole cannot hold',
    { pod: { limits: { cpu: '1', memory: '4Gi' } }, annotations: { volume: 'memory', size: '4Gi' } },
    'ResourcesTooSmall metadata.annotations[models.example.io/size]',
  ],
  [
    'a model of unknown size with an ephemeral-storage limit',
    { apps: [{ limits: { 'ephemeral-storage': '2Gi' } }] },
    'SizeRequired metadata.annotations[models.example.io/size]',
  ],
  [
    'a model of unknown size in memory',
    { annotations: { volume: 'memory' } },
    'SizeRequired metadata.annotations[models.example.io/size]',
  ],
  [
    'a model of unknown size on a new claim',
    { annotations: { volume: 'ephemeral/fast' } },
    'SizeRequired metadata.annotations[models.example.io/size]',
  ],
]

for (const [name, example, problem] of refused) {
  t.test(`${name} is denied with the annotation that fixes it`, (t) => {
    t.strictSame(resourcesOf(example), [problem])
    t.end()
  })
}

t.test('192Mi of memory are enough', (t) => {
  t.strictSame(resourcesOf({ apps: [{ limits: { cpu: '1', memory: '192Mi' } }] }), {
    requests: { cpu: '1', memory: '192Mi' },
    limits: { cpu: '1', memory: '192Mi' },
  })
  t.end()
})

t.test('a volume has room for the model, 2 % and 64Mi, in whole Mi', (t) => {
  const Mi = 2 ** 20
  t.strictSame(
    [0, 1, 100 * Mi, 1024 * Mi, 20_480 * Mi].map((bytes) => withHeadroom(bytes) / Mi),
    [64, 65, 166, 1109, 20_954],
  )
  const outcome = outcomeOf({ annotations: { size: '20Gi' } })
  t.strictSame(outcome.outcome === 'injected' && outcome.pod.spec.volumes?.[0], {
    name: 'model-data',
    emptyDir: { sizeLimit: '20954Mi' },
  })
  t.end()
})

t.test('every loader of a pod gets the same share, for they run one after another', (t) => {
  const outcome = outcomeOf({ apps: [burstable], annotations: { 'source.b': 's3://models/b/' } })
  const loaders = outcome.outcome === 'injected' ? (outcome.pod.spec.initContainers ?? []) : []
  t.equal(loaders.length, 2)
  t.strictSame(loaders[0]?.resources, loaders[1]?.resources)
  t.end()
})
