import t from 'tap'
import type { Config } from '../../../../src/config/config.ts'
import { defaultConfig, parseConfig } from '../../../../src/config/parse-config.ts'
import { nodeLabelFor } from '../../../../src/deliveries/node/inject.ts'
import { inject, type Outcome } from '../../../../src/inject/inject.ts'
import { requiredVariables } from '../../../../src/loader-contract.ts'
import type { Container, NodeSelectorTerm, Pod } from '../../../../src/pod/pod.ts'
import { annotatedPod } from '../../../../src/inject/annotated-pod.ts'
import { detectInjection } from '../../../../src/inject/ownership/detect-injection.ts'
import { podWith } from '../../../kit/webhook/pods.ts'

const prefix = 'models.example.io/'
const source = 's3://models/llama/'
const plain = podWith({ source, env: 'MODEL_PATH' })
const whole = injected(plain)

function injected(pod: Pod): Pod {
  const outcome = inject(pod, 'team', defaultConfig)
  if (outcome.outcome !== 'injected') throw new Error(JSON.stringify(outcome))
  return outcome.pod
}

function withLoader(pod: Pod, change: (loader: Container) => Container): Pod {
  return { ...pod, spec: { ...pod.spec, initContainers: (pod.spec.initContainers ?? []).map(change) } }
}

function withApp(change: (app: Container) => Container): Pod {
  return { ...whole, spec: { ...whole.spec, containers: whole.spec.containers.map(change) } }
}

function withAnnotation(pod: Pod, name: string, value: string): Pod {
  return {
    ...pod,
    metadata: { ...pod.metadata, annotations: { ...pod.metadata?.annotations, [prefix + name]: value } },
  }
}

function statusOf(pod: Pod): string {
  return pod.metadata?.annotations?.[`${prefix}status`] ?? ''
}

const without =
  (name: string) =>
  <T extends { readonly name: string }>(items: readonly T[] | null | undefined): T[] =>
    (items ?? []).filter((item) => item.name !== name)

const states: readonly [name: string, pod: Pod, state: string][] = [
  ['a pod that was never here', plain, 'notInjected'],
  ['an injected pod', whole, 'intact'],
  [
    'one whose loader got another image',
    withLoader(whole, (loader) => ({ ...loader, image: 'mirror.corp/injector:1' })),
    'intact',
  ],
  [
    'one whose loader got resources, mounts and variables of others',
    withLoader(whole, (loader) => ({
      ...loader,
      resources: { limits: { cpu: '1' } },
      env: [...(loader.env ?? []), { name: 'DD_AGENT_HOST', value: 'x' }],
      volumeMounts: [
        ...(loader.volumeMounts ?? []),
        { name: 'kube-api-access', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
      ],
    })),
    'intact',
  ],
  [
    'one with another container next to it',
    { ...whole, spec: { ...whole.spec, containers: [...whole.spec.containers, { name: 'proxy' }] } },
    'intact',
  ],
  [
    'one whose loader has another source',
    withLoader(whole, (loader) => ({
      ...loader,
      env: without('MODEL_SOURCE')(loader.env).concat({ name: 'MODEL_SOURCE', value: 's3://evil/x/' }),
    })),
    'damaged',
  ],
  ['one whose loader lost its environment', withLoader(whole, (loader) => ({ ...loader, env: null })), 'damaged'],
  [
    'one whose loader lost its credentials',
    withLoader(whole, (loader) => ({ ...loader, env: without('AWS_CONTAINER_CREDENTIALS_FULL_URI')(loader.env) })),
    'damaged',
  ],
  [
    'one whose loader lost its volume',
    withLoader(whole, (loader) => ({ ...loader, volumeMounts: without('model-data')(loader.volumeMounts) })),
    'damaged',
  ],
  [
    'one whose loader runs something else',
    withLoader(whole, (loader) => ({ ...loader, command: ['/bin/true'] })),
    'damaged',
  ],
  ['one whose app lost its mount', withApp((app) => ({ ...app, volumeMounts: [] })), 'damaged'],
  ['one whose app lost its variable', withApp((app) => ({ ...app, env: [] })), 'damaged'],
  [
    'one that lost a volume',
    { ...whole, spec: { ...whole.spec, volumes: without('model-tmp')(whole.spec.volumes) } },
    'damaged',
  ],
  ['one whose source was edited', withAnnotation(whole, 'source', 's3://models/other/'), 'stale'],
  ['one with one more annotation', withAnnotation(whole, 'size', '1Gi'), 'stale'],
  ['one without its status', withAnnotation(whole, 'status', ''), 'stale'],
  ['one whose status is no JSON', withAnnotation(whole, 'status', '{'), 'stale'],
  [
    'one whose status is of another schema',
    withAnnotation(whole, 'status', statusOf(whole).replace('"schema":1', '"schema":2')),
    'stale',
  ],
  [
    'one whose status has null for the digests, which the audit could not compare',
    withAnnotation(whole, 'status', statusOf(whole).replace(/"digests":\{[^}]*\}/, '"digests":null')),
    'stale',
  ],
  [
    'one whose status names another source',
    withAnnotation(whole, 'status', statusOf(whole).replaceAll(source, 's3://evil/x/')),
    'stale',
  ],
  [
    'one whose status names another loader',
    withAnnotation(whole, 'status', statusOf(whole).replaceAll('"model-loader"', '"migrate"')),
    'stale',
  ],
  ['a pod that only has the status of another', withAnnotation(plain, 'status', statusOf(whole)), 'notInjected'],
  [
    'a pod with a container that only has our name',
    { ...plain, spec: { ...plain.spec, initContainers: [{ name: 'model-loader' }] } },
    'notInjected',
  ],
]

/** Only a second pass tells an intact injection from a damaged one. */
function detectedAs(state: string): string {
  return state === 'intact' || state === 'damaged' ? 'injected' : state
}

function answerTo(pod: Pod, config: Config): string {
  const { outcome, reason } = inject(pod, 'team', config)
  return `${outcome}: ${reason}`
}

for (const [name, pod, state] of states) {
  t.test(`${name} is ${state}`, (t) => {
    t.equal(detectInjection(annotatedPod(pod, prefix)).state, detectedAs(state))
    t.end()
  })
}

for (const name of requiredVariables('load')) {
  t.test(`one whose loader lost ${name} alone is damaged`, (t) => {
    const pod = withLoader(whole, (loader) => ({ ...loader, env: without(name)(loader.env) }))
    t.equal(answerTo(pod, defaultConfig), 'injected: Healed')
    t.end()
  })
}

const answers: Readonly<Record<string, (outcome: Outcome) => boolean>> = {
  intact: ({ outcome, reason }) => outcome === 'skipped' && reason === 'AlreadyInjected',
  damaged: ({ outcome, reason, warnings }) =>
    outcome === 'injected' && reason === 'Healed' && warnings.every((warning) => warning.reason !== 'StatusOutdated'),
  stale: ({ outcome, reason, warnings }) =>
    outcome === 'injected' && reason === 'Injected' && warnings.some((warning) => warning.reason === 'StatusOutdated'),
}

for (const [name, pod, state] of states.filter(([, , state]) => state in answers)) {
  t.test(`${name} is answered as such, and left alone afterwards`, (t) => {
    const outcome = inject(pod, 'team', defaultConfig)
    t.ok(answers[state]?.(outcome), JSON.stringify({ ...outcome, pod: undefined, patch: undefined }))
    t.equal(inject(outcome.outcome === 'injected' ? outcome.pod : pod, 'team', defaultConfig).reason, 'AlreadyInjected')
    t.end()
  })
}

/* Models that are only mounted */

const parsed = parseConfig(
  'cluster: {version: "1.36"}\npolicy: {rules: [{name: all, namespaces: ["*"], sources: ["*", "node://*"]}]}\nmountpoint: {headroomGate: true}',
)
const permissive = parsed.ok ? parsed.config : defaultConfig

function mounted(annotations: Record<string, string>): Pod {
  const outcome = inject(podWith(annotations), 'team', permissive)
  if (outcome.outcome !== 'injected') throw new Error(JSON.stringify(outcome))
  return outcome.pod
}

const image = `oci://registry.example.com/llama@sha256:${'ab'.repeat(32)}`
const kinds: Readonly<Record<string, Record<string, string>>> = {
  'a claim': { source: 'pvc://models' },
  'a checked claim': { source: 'pvc://models/llama' },
  'a directory of the node': { source: 'node:///opt/llama' },
  'a checked directory of the node': { source: 'node:///opt/llama', expect: 'objects=1' },
  'a claim of mountpoint': { source, delivery: 'mountpoint' },
  'an image volume': { source: image },
  'a download and a claim': { source, 'source.b': 'pvc://models' },
}

const changes: readonly [name: string, change: (pod: Pod) => Pod, state: string][] = [
  ['as it was injected', (pod) => pod, 'intact'],
  ['whose gate was taken away', (pod) => ({ ...pod, spec: { ...pod.spec, schedulingGates: [] } }), 'intact'],
  ['whose app lost its mounts', (pod) => ({ ...pod, spec: { ...pod.spec, containers: [{ name: 'app' }] } }), 'damaged'],
  ['with one more annotation', (pod) => withAnnotation(pod, 'init-order', 'first'), 'stale'],
  ['without its status', (pod) => withAnnotation(pod, 'status', ''), 'stale'],
  [
    'whose status is of another schema',
    (pod) => withAnnotation(pod, 'status', statusOf(pod).replace('"schema":1', '"schema":2')),
    'stale',
  ],
]

for (const [kind, annotations] of Object.entries(kinds)) {
  for (const [name, change, state] of changes) {
    t.test(`a pod with ${kind} ${name} is ${state}, is answered as such, and left alone afterwards`, (t) => {
      const pod = change(mounted(annotations))
      t.match(detectInjection(annotatedPod(pod, prefix)), { state: detectedAs(state) })
      const outcome = inject(pod, 'team', permissive)
      t.ok(answers[state]?.(outcome), JSON.stringify({ ...outcome, pod: undefined, patch: undefined }))
      t.equal(inject(outcome.outcome === 'injected' ? outcome.pod : pod, 'team', permissive).reason, 'AlreadyInjected')
      t.end()
    })
  }
}

for (const [kind, annotations] of Object.entries(kinds)) {
  t.test(`a status of ${kind} in a pod that has no part of it is not believed`, (t) => {
    const pod = withAnnotation(podWith(annotations), 'status', statusOf(mounted(annotations)))
    t.match(inject(pod, 'team', permissive), {
      outcome: 'injected',
      reason: 'Injected',
      warnings: [{ reason: 'StatusWithoutParts' }],
    })
    t.end()
  })

  t.test(`a volume of somebody else that has the name of ${kind} is a denial`, (t) => {
    const pod = podWith(annotations, { volumes: mounted(annotations).spec.volumes ?? [] })
    t.match(inject(pod, 'team', permissive), {
      outcome: 'denied',
      reason: 'NameTaken',
      diagnostics: [{ field: 'spec.volumes[0].name' }],
    })
    t.end()
  })
}

t.test('neither status nor label makes a volume ours that has something else', (t) => {
  const pod = mounted({ source: 'pvc://models' })
  const other: Pod = {
    ...pod,
    spec: {
      ...pod.spec,
      volumes: [{ name: 'model-data', persistentVolumeClaim: { claimName: 'others', readOnly: true } }],
    },
  }
  for (const changed of [
    other,
    withAnnotation(other, 'status', ''),
    withAnnotation(withAnnotation(pod, 'status', ''), 'source', 'pvc://others'),
  ]) {
    t.match(detectInjection(annotatedPod(changed, prefix)), { state: 'notInjected', foreign: ['spec.volumes[0].name'] })
  }
  t.end()
})

t.test('a copy of a pod with another claim gets that claim, and nothing of the old one stays', (t) => {
  const copy = withAnnotation(mounted({ source: 'pvc://models' }), 'source', 'pvc://others')
  const outcome = inject(copy, 'team', permissive)
  t.match(outcome, { outcome: 'injected', reason: 'Injected', warnings: [{ reason: 'StatusOutdated' }] })
  t.strictSame(outcome.outcome === 'injected' && outcome.pod.spec.volumes, [
    { name: 'model-data', persistentVolumeClaim: { claimName: 'others', readOnly: true } },
  ])
  t.end()
})

for (const name of requiredVariables('verify')) {
  t.test(`a pod whose checking loader lost ${name} is damaged`, (t) => {
    const pod = withLoader(mounted({ source: 'pvc://models/llama' }), (loader) => ({
      ...loader,
      env: without(name)(loader.env),
    }))
    t.equal(answerTo(pod, permissive), 'injected: Healed')
    t.end()
  })
}

t.test('a loader that downloads is none that checks, nor the other way round', (t) => {
  const checking = mounted({ source: 'pvc://models/llama' })
  for (const [pod, args] of [
    [checking, ['load']],
    [whole, ['load', '--verify']],
  ] as const) {
    const changed = withLoader(pod, (loader) => ({ ...loader, args }))
    const healed = inject(changed, 'team', pod === whole ? defaultConfig : permissive)
    t.strictSame(healed.outcome === 'injected' && healed.pod.spec.initContainers, pod.spec.initContainers)
  }
  t.end()
})

function withTerms(pod: Pod, nodeSelectorTerms: readonly NodeSelectorTerm[]): Pod {
  return {
    ...pod,
    spec: {
      ...pod.spec,
      affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
    },
  }
}

t.test('a term that another webhook added without the label gets it, the others do not get it twice', (t) => {
  const pod = mounted({ source: 'node:///opt/llama' })
  const label = { key: nodeLabelFor('/opt/llama', prefix), operator: 'In', values: ['present'] }
  const zone = { key: 'zone', operator: 'Exists' }
  const widened = withTerms(pod, [{ matchExpressions: [label, zone] }, { matchExpressions: [zone] }])
  const outcome = inject(widened, 'team', permissive)
  t.match(outcome, { outcome: 'injected', reason: 'Healed' })
  t.strictSame(
    outcome.outcome === 'injected' && outcome.pod.spec.affinity,
    withTerms(pod, [{ matchExpressions: [zone, label] }, { matchExpressions: [zone, label] }]).spec.affinity,
  )
  t.end()
})

t.test('healing leaves what others made of the loader', (t) => {
  const broken = withLoader(whole, (loader) => ({
    ...loader,
    image: 'mirror.corp/injector:1',
    resources: { limits: { cpu: '1' } },
    args: [],
  }))
  const [loader] = injected(broken).spec.initContainers ?? []
  t.match(loader, { image: 'mirror.corp/injector:1', resources: { limits: { cpu: '1' } }, args: ['load'] })
  t.end()
})

t.test('healing with another configuration keeps the path, and loader and app agree on one directory', (t) => {
  const other = {
    ...defaultConfig,
    defaults: { ...defaultConfig.defaults, region: 'eu-west-1', 'mount-path': '/mnt/NAME' },
    hash: 'other',
  }
  const outcome = inject(
    withLoader(whole, (loader) => ({ ...loader, args: [] })),
    'team',
    other,
  )
  const pod = outcome.outcome === 'injected' ? outcome.pod : plain
  const id = pod.spec.initContainers?.[0]?.env?.find(({ name }) => name === 'MODEL_ID')?.value ?? ''
  t.strictSame(pod.spec.containers[0]?.volumeMounts, [
    { name: 'model-data', mountPath: '/models/model', subPath: `${id}/files`, readOnly: true },
  ])
  t.strictSame(pod.spec.containers[0]?.env, [{ name: 'MODEL_PATH', value: '/models/model' }])
  t.equal(inject(pod, 'team', other).reason, 'AlreadyInjected')
  t.end()
})

t.test('a second pass keeps to the containers of the first, healed or not', (t) => {
  const joined: Pod = withLoader(
    { ...whole, spec: { ...whole.spec, containers: [...whole.spec.containers, { name: 'late' }] } },
    (loader) => ({ ...loader, args: [] }),
  )
  t.strictSame(
    injected(joined).spec.containers.map(({ name, volumeMounts = [] }) => [name, volumeMounts?.length]),
    [
      ['app', 1],
      ['late', 0],
    ],
  )
  t.end()
})

const foreign: readonly [name: string, pod: Pod, field: string][] = [
  [
    'an init container',
    podWith({ source }, { initContainers: [{ name: 'model-loader', image: 'x' }] }),
    'spec.initContainers[0].name',
  ],
  [
    'an app container',
    podWith({ source }, { containers: [{ name: 'app' }, { name: 'model-loader' }] }),
    'spec.containers[1].name',
  ],
  [
    'a data volume',
    podWith({ source }, { volumes: [{ name: 'x' }, { name: 'model-data', emptyDir: {} }] }),
    'spec.volumes[1].name',
  ],
  [
    'the volume for small files',
    podWith({ source }, { volumes: [{ name: 'model-tmp', emptyDir: {} }] }),
    'spec.volumes[0].name',
  ],
  [
    'the data volume of a suffix',
    podWith({ 'source.a': source }, { volumes: [{ name: 'model-data-a', emptyDir: {} }] }),
    'spec.volumes[0].name',
  ],
  [
    'a container with our name and command but not our environment',
    podWith({ source }, { initContainers: [{ name: 'model-loader', args: ['load'] }] }),
    'spec.initContainers[0].name',
  ],
]

for (const [name, pod, field] of foreign) {
  t.test(`${name} of somebody else that holds one of our names is a denial`, (t) => {
    t.match(inject(pod, 'team', defaultConfig), { outcome: 'denied', reason: 'NameTaken', diagnostics: [{ field }] })
    t.end()
  })
}

t.test('names that only begin like ours, or belong to a model the pod does not have, are no clash', (t) => {
  const pod = podWith(
    { source },
    {
      initContainers: [{ name: 'model-loader-x' }, { name: 'model-loaders' }],
      volumes: [
        { name: 'model-data-x', emptyDir: {} },
        { name: 'model-database', emptyDir: {} },
      ],
    },
  )
  t.equal(inject(pod, 'team', defaultConfig).outcome, 'injected')
  t.end()
})
