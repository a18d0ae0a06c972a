import t from 'tap'
import type { Config } from '../../../../src/config/config.ts'
import { defaultConfig, parseConfig } from '../../../../src/config/parse-config.ts'
import { inject } from '../../../../src/inject/inject.ts'
import type { Pod } from '../../../../src/pod/pod.ts'
import { annotatedPod } from '../../../../src/inject/annotated-pod.ts'
import { uninject } from '../../../../src/inject/ownership/uninject.ts'
import { eksWebhook } from '../../../kit/aws/eks-webhook.ts'
import { podWith } from '../../../kit/webhook/pods.ts'

const prefix = 'models.example.io/'
const source = 's3://models/llama/'

function injected(pod: Pod, config: Config = defaultConfig): Pod {
  const outcome = inject(pod, 'team', config)
  if (outcome.outcome !== 'injected') throw new Error(JSON.stringify(outcome))
  return outcome.pod
}

function annotated(pod: Pod, annotations: Record<string, string>): Pod {
  return { ...pod, metadata: { ...pod.metadata, annotations: { ...pod.metadata?.annotations, ...annotations } } }
}

t.test('a pod without parts of ours is given back as the same object', (t) => {
  for (const pod of [
    podWith({ source }),
    podWith({ source }, { initContainers: [{ name: 'model-loader', image: 'x' }], volumes: [{ name: 'model-data' }] }),
  ]) {
    t.equal(uninject(annotatedPod(pod, prefix)), pod)
  }
  t.end()
})

const skip = 'eks.amazonaws.com/skip-containers'
const evict = 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes'

const pods: readonly [name: string, pod: Pod][] = [
  ['a small pod', podWith({ source })],
  [
    'a pod with volumes, mounts, variables and init containers of its own',
    podWith(
      { source, env: 'MODEL_PATH', containers: 'app,migrate' },
      {
        containers: [
          { name: 'app', env: [{ name: 'A', value: 'b' }], volumeMounts: [{ name: 'data', mountPath: '/data' }] },
        ],
        initContainers: [{ name: 'migrate', volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
        volumes: [{ name: 'data', emptyDir: {} }],
      },
    ),
  ],
  [
    'a variable that was right already',
    podWith(
      { source, env: 'MODEL_PATH' },
      { containers: [{ name: 'app', env: [{ name: 'MODEL_PATH', value: '/models/model' }] }] },
    ),
  ],
  [
    'another service account',
    podWith({ source, 'service-account': 'reader' }, { serviceAccountName: 'own', serviceAccount: 'own' }),
  ],
  ['half a service account', podWith({ source, 'service-account': 'reader' }, { serviceAccountName: 'own' })],
  ['no service account', podWith({ source, 'service-account': 'reader' })],
  [
    'an fsGroup that was added',
    podWith(
      { source, volume: 'ephemeral/fast', size: '1Gi' },
      { securityContext: { runAsUser: 1000, fsGroupChangePolicy: 'Always' } },
    ),
  ],
  [
    'lists of others',
    annotated(podWith({ source, 'credentials-scope': 'loader' }, { containers: [{ name: 'app' }, { name: 'b' }] }), {
      [skip]: 'b, x',
      [evict]: 'data,model-tmp',
    }),
  ],
  [
    'three models',
    podWith({
      source,
      'source.a': 's3://models/a/',
      'source.b': 's3://models/b/',
      'size.a': '1Gi',
      'volume.a': 'memory',
    }),
  ],
  [
    'a volume of its own that the model went to',
    podWith(
      { source, volume: 'existing/model-data-x' },
      {
        containers: [{ name: 'app', volumeMounts: [{ name: 'model-data-x', mountPath: '/cache' }] }],
        volumes: [{ name: 'model-data-x', emptyDir: {} }],
      },
    ),
  ],
  [
    'a volume called model-data that another model went to',
    podWith(
      { 'source.a': source, 'volume.a': 'existing/model-data' },
      { volumes: [{ name: 'model-data', emptyDir: {} }] },
    ),
  ],
]

const image = `oci://registry.example.com/llama@sha256:${'ab'.repeat(32)}`
const zone = { key: 'zone', operator: 'In', values: ['a'] }
const nodeSelectorTerms = [
  { matchExpressions: [zone] },
  { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n'] }] },
  {},
]
const scheduled = {
  affinity: {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
    podAffinity: {},
  },
  tolerations: [{ key: 'gpu', operator: 'Exists' }],
  schedulingGates: [{ name: 'quota' }],
  nodeSelector: { disk: 'ssd' },
}
const read = parseConfig(
  'cluster: {version: "1.36"}\npolicy: {rules: [{name: all, namespaces: ["*"], sources: ["*", "node://*"]}]}\nmountpoint: {headroomGate: true}',
)
const permissive = read.ok ? read.config : defaultConfig

const mounted: readonly [name: string, pod: Pod][] = [
  ['a claim', podWith({ source: 'pvc://models', env: 'MODEL_PATH' })],
  ['a checked claim', podWith({ source: 'pvc://models/llama' }, { initContainers: [{ name: 'migrate' }] })],
  [
    'a claim that the pod has already',
    podWith(
      { source: 'pvc://models/llama' },
      {
        containers: [{ name: 'app', volumeMounts: [{ name: 'shared', mountPath: '/data' }] }],
        volumes: [{ name: 'shared', persistentVolumeClaim: { claimName: 'models' } }],
      },
    ),
  ],
  ['two models of one claim', podWith({ source: 'pvc://models/a', 'source.b': 'pvc://models/b' })],
  ['a directory of the node', podWith({ source: 'node:///opt/llama' })],
  [
    'a directory of the node with existing scheduling of the pod',
    podWith({ source: 'node:///opt/llama', expect: 'objects=1' }, scheduled),
  ],
  ['two directories of the node', podWith({ source: 'node:///opt/a', 'source.b': 'node:///opt/b' }, scheduled)],
  ['a claim of mountpoint', podWith({ source, delivery: 'mountpoint', 'service-account': 'reader' })],
  ['a claim of mountpoint with another gate', podWith({ source, delivery: 'mountpoint' }, scheduled)],
  ['an image volume', podWith({ source: `${image}#weights` })],
  [
    'all kinds of models',
    podWith(
      {
        source,
        'source.a': 'pvc://models/a',
        'source.b': 'node:///opt/b',
        'source.c': source,
        'delivery.c': 'mountpoint',
        'source.d': image,
      },
      scheduled,
    ),
  ],
]

for (const [name, pod] of mounted) {
  t.test(`a pod with ${name} comes back as it was`, (t) => {
    const after = injected(pod, permissive)
    t.not(after, pod)
    t.strictSame(uninject(annotatedPod(after, prefix)), pod)
    t.end()
  })
}

t.test('without status and label a volume that is only mounted may be the user’s, and stays', (t) => {
  const after = injected(podWith({ source: 'pvc://models' }), permissive)
  const bare: Pod = { ...after, metadata: { annotations: { [`${prefix}source`]: 'pvc://models' } } }
  t.equal(uninject(annotatedPod(bare, prefix)), bare)
  t.end()
})

t.test('without its status a pod with our label loses the volume, its mounts and the label of the node', (t) => {
  const after = injected(podWith({ source: 'node:///opt/llama' }), permissive)
  const bare: Pod = {
    ...after,
    metadata: { ...after.metadata, annotations: { [`${prefix}source`]: 'node:///opt/llama' } },
  }
  const { volumes, affinity, containers, tolerations } = uninject(annotatedPod(bare, prefix)).spec
  t.strictSame([volumes, affinity, containers], [undefined, undefined, [{ name: 'app', image: 'app:1' }]])
  t.strictSame(tolerations, after.spec.tolerations, 'a toleration keeps no pod away, and may be the user’s')
  t.end()
})

for (const [name, pod] of pods) {
  t.test(`${name} comes back as it was`, (t) => {
    const after = injected(pod)
    t.not(after, pod)
    t.strictSame(uninject(annotatedPod(after, prefix)), pod)
    t.equal(
      uninject(annotatedPod(uninject(annotatedPod(after, prefix)), prefix)).metadata?.annotations?.[`${prefix}status`],
      undefined,
    )
    t.end()
  })
}

t.test('pull secrets of the configuration go, those of the pod stay', (t) => {
  const config = parseConfig('loader: {imagePullSecrets: [a, own]}')
  const pod = podWith({ source }, { imagePullSecrets: [{ name: 'own' }, { name: 'x' }] })
  const after = config.ok ? injected(pod, config.config) : pod
  t.strictSame(after.spec.imagePullSecrets, [{ name: 'own' }, { name: 'x' }, { name: 'a' }])
  t.strictSame(uninject(annotatedPod(after, prefix)), pod)
  t.end()
})

t.test('the mount that the identity webhook added to the app keeps its token', (t) => {
  const pod = podWith({ source, 'service-account': 'reader' })
  const after = uninject(annotatedPod(eksWebhook(injected(pod), { podIdentity: ['reader'] }), prefix))
  t.strictSame(
    after.spec.volumes?.map(({ name }) => name),
    ['eks-pod-identity-token'],
  )
  t.strictSame(
    after.spec.containers[0]?.volumeMounts?.map(({ name }) => name),
    ['eks-pod-identity-token'],
  )
  t.end()
})

t.test('without its status a pod loses the loaders, their volumes and the mounts of these', (t) => {
  const after = injected(podWith({ source }, { volumes: [{ name: 'data', emptyDir: {} }] }))
  const bare = uninject(annotatedPod({ ...after, metadata: { annotations: { [`${prefix}source`]: source } } }, prefix))
  t.strictSame(bare.spec.initContainers, undefined)
  t.strictSame(bare.spec.containers, [{ name: 'app', image: 'app:1' }])
  t.strictSame(
    bare.spec.volumes?.map(({ name }) => name),
    ['data', 'eks-pod-identity-token'],
    'parts that others may use stay',
  )
  t.end()
})

t.test('a loader that lost its command is taken out, too', (t) => {
  const pod = podWith({ source })
  const after = injected(pod)
  const broken: Pod = {
    ...after,
    spec: {
      ...after.spec,
      initContainers: (after.spec.initContainers ?? []).map((loader) => ({ ...loader, args: [] })),
    },
  }
  t.strictSame(uninject(annotatedPod(broken, prefix)), pod)
  t.end()
})
