import t from 'tap'
import { defaultConfig } from '../../../src/config/parse-config.ts'
import { inject } from '../../../src/inject/inject.ts'
import type { PodSpec } from '../../../src/pod/pod.ts'
import { mesh } from '../../kit/cluster/meshes.ts'
import { podWith } from '../../kit/webhook/pods.ts'

const spec: Pick<PodSpec, 'containers' | 'initContainers'> = {
  containers: [{ name: 'app' }, { name: 'worker' }, { name: 'istio-proxy' }],
  initContainers: [{ name: 'migrate' }, { name: 'log-shipper', restartPolicy: 'Always' }],
}

/** The containers that get the model, or the problems. */
function targets(annotations: Record<string, string>, changed: Partial<PodSpec> = {}): readonly string[] {
  const outcome = inject(
    podWith({ source: 's3://models/llama/', ...annotations }, { ...spec, ...changed }),
    'team',
    defaultConfig,
  )
  if (outcome.outcome === 'denied') {
    return outcome.diagnostics.map(({ reason, found = '', accepted = '' }) => `${reason} ${found}: ${accepted}`)
  }
  if (outcome.outcome === 'skipped') return [outcome.reason]
  return [...(outcome.pod.spec.initContainers ?? []), ...outcome.pod.spec.containers]
    .filter(({ volumeMounts }) => volumeMounts?.some(({ mountPath }) => mountPath === '/models/model'))
    .map(({ name }) => name)
}

const cases: readonly [name: string, annotations: Record<string, string>, targets: readonly string[]][] = [
  ['nothing', {}, ['app', 'worker']],
  ['a name', { containers: 'worker' }, ['worker']],
  ['two names', { containers: ' worker , app' }, ['app', 'worker']],
  ['a star', { containers: '*' }, ['app', 'worker', 'istio-proxy']],
  ['a known sidecar', { containers: 'istio-proxy' }, ['istio-proxy']],
  ['an init container after the loader', { containers: 'migrate,app' }, ['migrate', 'app']],
  ['a sidecar container after the loader', { containers: 'log-shipper' }, ['log-shipper']],
  [
    'an init container in front of the loader',
    { containers: 'migrate', 'init-order': 'last' },
    ['UnknownContainer migrate: app, worker, istio-proxy'],
  ],
  [
    'a name that the pod does not have',
    { containers: 'app,wroker' },
    ['UnknownContainer wroker: app, worker, istio-proxy, migrate, log-shipper'],
  ],
  [
    'an init container in front of a loader that only checks',
    { source: 'pvc://models/llama', containers: 'migrate', 'init-order': 'last' },
    ['UnknownContainer migrate: app, worker, istio-proxy'],
  ],
  [
    'an init container, and no loader has to run before it',
    { source: 'pvc://models', containers: 'migrate,log-shipper', 'init-order': 'last' },
    ['migrate', 'log-shipper'],
  ],
  [
    'the loader itself',
    { containers: 'model-loader' },
    ['UnknownContainer model-loader: app, worker, istio-proxy, migrate, log-shipper'],
  ],
]

for (const [name, annotations, expected] of cases) {
  t.test(`with containers ${name} exactly these get the model, or the reason is given`, (t) => {
    t.strictSame(targets(annotations), expected)
    t.end()
  })
}

t.test('a pod of known sidecars only has to say which one is meant', (t) => {
  t.strictSame(targets({}, { containers: [{ name: 'istio-proxy' }, { name: 'envoy' }] }), [
    'NoTargetContainer : istio-proxy, envoy',
  ])
  t.strictSame(targets({ containers: 'envoy' }, { containers: [{ name: 'istio-proxy' }, { name: 'envoy' }] }), [
    'envoy',
  ])
  t.end()
})

t.test('a container of a mesh that starts before the loader cannot be named', (t) => {
  const pod = mesh(podWith({ source: 's3://models/llama/', containers: 'istio-init' }), 'istio-native')
  t.match(inject(pod, 'team', defaultConfig), {
    outcome: 'denied',
    reason: 'UnknownContainer',
    diagnostics: [{ problem: 'starts before the loader has finished' }],
  })
  t.end()
})
