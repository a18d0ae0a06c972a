import t from 'tap'
import { defaultConfig, parseConfig, type Config } from '../../../src/config.ts'
import { inject } from '../../../src/inject/inject.ts'
import type { Pod } from '../../../src/inject/pod.ts'
import { uninject } from '../../../src/inject/uninject.ts'
import { eksWebhook } from '../../support/eks-webhook.ts'
import { podWith } from '../../support/pods.ts'

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
  for (const pod of [podWith({ source }), podWith({ source }, { initContainers: [{ name: 'model-loader', image: 'x' }], volumes: [{ name: 'model-data' }] })]) t.equal(uninject(pod, prefix), pod)
  t.end()
})

const skip = 'eks.amazonaws.com/skip-containers'
const evict = 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes'

const pods: readonly [name: string, pod: Pod][] = [
  ['a small pod', podWith({ source })],
  ['a pod with volumes, mounts, variables and init containers of its own', podWith({ source, env: 'MODEL_PATH', containers: 'app,migrate' }, {
    containers: [{ name: 'app', env: [{ name: 'A', value: 'b' }], volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
    initContainers: [{ name: 'migrate', volumeMounts: [{ name: 'data', mountPath: '/data' }] }], volumes: [{ name: 'data', emptyDir: {} }],
  })],
  ['a variable that was right already', podWith({ source, env: 'MODEL_PATH' }, { containers: [{ name: 'app', env: [{ name: 'MODEL_PATH', value: '/models/model' }] }] })],
  ['another service account', podWith({ source, 'service-account': 'reader' }, { serviceAccountName: 'own', serviceAccount: 'own' })],
  ['half a service account', podWith({ source, 'service-account': 'reader' }, { serviceAccountName: 'own' })],
  ['no service account', podWith({ source, 'service-account': 'reader' })],
  ['an fsGroup that was added', podWith({ source, volume: 'ephemeral/fast', size: '1Gi' }, { securityContext: { runAsUser: 1000, fsGroupChangePolicy: 'Always' } })],
  ['lists of others', annotated(podWith({ source, 'credentials-scope': 'loader' }, { containers: [{ name: 'app' }, { name: 'b' }] }), { [skip]: 'b, x', [evict]: 'data,model-tmp' })],
  ['three models', podWith({ source, 'source.a': 's3://models/a/', 'source.b': 's3://models/b/', 'size.a': '1Gi', 'volume.a': 'memory' })],
  ['a volume of its own that the model went to', podWith({ source, volume: 'existing/model-data-x' }, {
    containers: [{ name: 'app', volumeMounts: [{ name: 'model-data-x', mountPath: '/cache' }] }], volumes: [{ name: 'model-data-x', emptyDir: {} }],
  })],
  ['a volume called model-data that another model went to', podWith({ 'source.a': source, 'volume.a': 'existing/model-data' }, { volumes: [{ name: 'model-data', emptyDir: {} }] })],
]

for (const [name, pod] of pods) {
  t.test(`${name} comes back as it was`, (t) => {
    const after = injected(pod)
    t.not(after, pod)
    t.strictSame(uninject(after, prefix), pod)
    t.equal(uninject(uninject(after, prefix), prefix).metadata?.annotations?.[`${prefix}status`], undefined)
    t.end()
  })
}

t.test('pull secrets of the configuration go, those of the pod stay', (t) => {
  const config = parseConfig('loader: {imagePullSecrets: [a, own]}')
  const pod = podWith({ source }, { imagePullSecrets: [{ name: 'own' }, { name: 'x' }] })
  const after = config.ok ? injected(pod, config.config) : pod
  t.strictSame(after.spec.imagePullSecrets, [{ name: 'own' }, { name: 'x' }, { name: 'a' }])
  t.strictSame(uninject(after, prefix), pod)
  t.end()
})

t.test('what the identity webhook added to the app keeps the token that it mounts', (t) => {
  const pod = podWith({ source, 'service-account': 'reader' })
  const after = uninject(eksWebhook(injected(pod), { podIdentity: ['reader'] }), prefix)
  t.strictSame(after.spec.volumes?.map(({ name }) => name), ['eks-pod-identity-token'])
  t.strictSame(after.spec.containers[0]?.volumeMounts?.map(({ name }) => name), ['eks-pod-identity-token'])
  t.end()
})

t.test('without its status a pod loses the loaders, their volumes and the mounts of these', (t) => {
  const after = injected(podWith({ source }, { volumes: [{ name: 'data', emptyDir: {} }] }))
  const bare = uninject({ ...after, metadata: { annotations: { [`${prefix}source`]: source } } }, prefix)
  t.strictSame(bare.spec.initContainers, undefined)
  t.strictSame(bare.spec.containers, [{ name: 'app', image: 'app:1' }])
  t.strictSame(bare.spec.volumes?.map(({ name }) => name), ['data', 'eks-pod-identity-token'], 'what others may use stays')
  t.end()
})

t.test('a loader that lost its command is taken out, too', (t) => {
  const pod = podWith({ source })
  const after = injected(pod)
  const broken: Pod = { ...after, spec: { ...after.spec, initContainers: (after.spec.initContainers ?? []).map((loader) => ({ ...loader, args: [] })) } }
  t.strictSame(uninject(broken, prefix), pod)
  t.end()
})
