import t from 'tap'
import { defaultPrefix } from '../../../../src/annotations.ts'
import type { Config } from '../../../../src/config/config.ts'
import { parseConfig } from '../../../../src/config/parse-config.ts'
import { firstClusterVersionWithImageVolumes } from '../../../../src/deliveries/image/inject.ts'
import { headroomGate, mountpointClaimName } from '../../../../src/deliveries/mountpoint/inject.ts'
import { bakedTaint, nodeLabelFor, nodeLabelPrefix } from '../../../../src/deliveries/node/inject.ts'
import { nodeLabelValue } from '../../../../src/pod/scheduling.ts'
import { isVolumeFor } from '../../../../src/deliveries/registry.ts'
import { inject, type Denied, type Injected } from '../../../../src/inject/inject.ts'
import type { Pod, PodSpec, Volume } from '../../../../src/pod/pod.ts'
import { parseSource, type S3Source, type Source } from '../../../../src/values/source.ts'
import { podWith } from '../../../kit/webhook/pods.ts'

const image = `oci://registry.example.com/models/llama@sha256:${'ab'.repeat(32)}`
const allowed = 'policy: {rules: [{name: all, namespaces: ["*"], sources: ["*", "node://*"]}]}\n'

function configOf(text: string): Config {
  const result = parseConfig(text)
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return result.config
}

function injected(pod: Pod, config = `${allowed}cluster: {version: "1.36"}`): Injected {
  const outcome = inject(pod, 'team', configOf(config))
  if (outcome.outcome !== 'injected') throw new Error(JSON.stringify(outcome))
  return outcome
}

function denied(pod: Pod, config = `${allowed}cluster: {version: "1.36"}`): Denied {
  const outcome = inject(pod, 'team', configOf(config))
  if (outcome.outcome !== 'denied') throw new Error(outcome.outcome)
  return outcome
}

function sourceOf(text: string): Source {
  const source = parseSource(text)
  if (!source.ok) throw new Error(source.problem)
  return source.value
}

function warningsOf(pod: Pod): readonly string[] {
  return injected(pod).warnings.map(({ reason }) => reason)
}

/* Names that stand in companion resources: a change of one leaves pods waiting for what was rendered before. */

t.test('the label, the taint and the claim have the names of the rendered companion resources', (t) => {
  t.equal(nodeLabelFor('/opt/models/llama', defaultPrefix), 'node.models.example.io/c962e4b60149e320')
  t.equal(nodeLabelFor('/opt/models/llama', 'ml.corp/'), 'node.ml.corp/c962e4b60149e320')
  t.not(nodeLabelFor('/opt/models/llama2', defaultPrefix), nodeLabelFor('/opt/models/llama', defaultPrefix))
  t.ok(nodeLabelFor('/x', defaultPrefix).startsWith(nodeLabelPrefix(defaultPrefix)))
  t.equal(nodeLabelValue, 'present')
  t.strictSame(bakedTaint(defaultPrefix), { key: 'models.example.io/baked', effect: 'NoSchedule' })
  t.equal(mountpointClaimName(sourceOf('s3://models/llama/1.2.3/') as S3Source), 'mp-f5f03c064ffaf36a')
  t.equal(
    mountpointClaimName(sourceOf('s3://models/llama/1.2.3/*') as S3Source),
    'mp-f5f03c064ffaf36a',
    'by its one spelling',
  )
  t.equal(headroomGate, 's3.csi.aws.com/reserve-headroom-for-mppod')
  t.equal(firstClusterVersionWithImageVolumes, '1.35')
  t.end()
})

t.test('the operator has no say in the name of a claim, which is rendered without asking', (t) => {
  const claimOf = (config: string): unknown =>
    injected(podWith({ source: 's3://models/llama/1.2.3/', delivery: 'mountpoint' }), config).pod.spec.volumes
  t.strictSame(claimOf('defaults: {region: eu-west-1, endpoint: "https://s3.corp"}'), claimOf(''))
  t.end()
})

/* Parts of each delivery */

const added: readonly [annotations: Record<string, string>, volume: object, mount: object, init: readonly string[]][] =
  [
    [{ source: 'pvc://models' }, { persistentVolumeClaim: { claimName: 'models', readOnly: true } }, {}, []],
    [
      { source: 'pvc://models', expect: 'objects=1' },
      { persistentVolumeClaim: { claimName: 'models', readOnly: true } },
      {},
      ['load --verify'],
    ],
    [
      { source: 'pvc://models/a/b/' },
      { persistentVolumeClaim: { claimName: 'models', readOnly: true } },
      { subPath: 'a/b' },
      ['load --verify'],
    ],
    [{ source: 'node:///opt/models/llama' }, { hostPath: { path: '/opt/models/llama', type: 'Directory' } }, {}, []],
    [
      { source: 'node:///opt/models/llama', expect: 'bytes=1' },
      { hostPath: { path: '/opt/models/llama', type: 'Directory' } },
      {},
      ['load --verify'],
    ],
    [
      { source: 's3://models/llama/', delivery: 'mountpoint', claim: 'llama' },
      { persistentVolumeClaim: { claimName: 'llama', readOnly: true } },
      {},
      [],
    ],
    [{ source: image }, { image: { reference: image.slice('oci://'.length), pullPolicy: 'IfNotPresent' } }, {}, []],
    [
      { source: `${image}#weights` },
      { image: { reference: image.slice('oci://'.length), pullPolicy: 'IfNotPresent' } },
      { subPath: 'weights' },
      [],
    ],
  ]

for (const [annotations, volume, mount, init] of added) {
  t.test(
    `${JSON.stringify(annotations)} is mounted read-only, and ${init.length > 0 ? 'checked first' : 'nothing else is added'}`,
    (t) => {
      const { pod } = injected(podWith(annotations))
      t.strictSame(pod.spec.volumes, [{ name: 'model-data', ...volume }])
      t.strictSame(pod.spec.containers[0]?.volumeMounts, [
        { name: 'model-data', mountPath: '/models/model', ...mount, readOnly: true },
      ])
      t.strictSame(
        (pod.spec.initContainers ?? []).map(({ args }) => args?.join(' ')),
        init,
      )
      t.strictSame(
        [pod.spec.serviceAccountName, pod.spec.securityContext, pod.spec.imagePullSecrets],
        [undefined, undefined, undefined],
      )
      t.end()
    },
  )
}

t.test('a loader that checks has just the environment that it reads, and what the operator adds', (t) => {
  const pod = podWith({
    'source.a': 'pvc://models/a',
    'expect.a': 'objects=1',
    timeout: '5m',
    credentials: 'secret/keys',
  })
  const { env, volumeMounts } = injected(pod, 'loader: {env: {TEAM: search}}').pod.spec.initContainers?.[0] ?? {}
  t.strictSame(Object.fromEntries((env ?? []).map(({ name, value }) => [name, value])), {
    MODEL_NAME: 'a',
    MODEL_SOURCE: 'pvc://models/a',
    MODEL_ROOT: '/model',
    MODEL_EXPECT: 'objects=1',
    MODEL_TIMEOUT_SECONDS: '300',
    TEAM: 'search',
  })
  t.strictSame(volumeMounts, [{ name: 'model-data-a', mountPath: '/model', readOnly: true }])
  t.end()
})

t.test('a service account that is asked for is set, also where nothing is loaded', (t) => {
  t.equal(
    injected(podWith({ source: 's3://models/llama/', delivery: 'mountpoint', 'service-account': 'reader' })).pod.spec
      .serviceAccountName,
    'reader',
  )
  t.end()
})

t.test('a volume of the name of the EKS token is ignored where no loader has an identity', (t) => {
  t.strictSame(
    warningsOf(podWith({ source: 'pvc://models/a' }, { volumes: [{ name: 'eks-pod-identity-token', emptyDir: {} }] })),
    [],
  )
  t.end()
})

/* Claims */

t.test('a path that ends in current warns, in whatever directory, and no other path does', (t) => {
  for (const path of ['current', 'llama/current', 'llama/current/']) {
    t.strictSame(warningsOf(podWith({ source: `pvc://models/${path}` })), ['PathMayChange'], path)
  }
  for (const source of ['pvc://current', 'pvc://models/current/7', 'pvc://models/currently', 's3://models/current/']) {
    t.notOk(warningsOf(podWith({ source })).includes('PathMayChange'), source)
  }
  t.end()
})

const shared: readonly [
  name: string,
  annotations: Record<string, string>,
  volumes: readonly Volume[],
  mounted: readonly string[],
][] = [
  [
    'the claim of a volume of the pod',
    { source: 'pvc://models/a' },
    [{ name: 'shared', persistentVolumeClaim: { claimName: 'models' } }],
    ['shared'],
  ],
  [
    'the claim of another model',
    { 'source.a': 'pvc://models/a', 'source.b': 'pvc://models/b', 'source.c': 'pvc://others' },
    [],
    ['model-data-a', 'model-data-a', 'model-data-c'],
  ],
  [
    'the claim of a mountpoint model',
    { 'source.a': 'pvc://mp', 'source.b': 's3://models/b/', 'delivery.b': 'mountpoint', 'claim.b': 'mp' },
    [],
    ['model-data-a', 'model-data-a'],
  ],
  [
    'a claim of its own',
    { source: 'pvc://models' },
    [{ name: 'shared', persistentVolumeClaim: { claimName: 'other' } }],
    ['model-data'],
  ],
]

for (const [name, annotations, volumes, mounted] of shared) {
  t.test(`a model on ${name} is mounted from one volume, and every volume has its fixed name`, (t) => {
    const { pod } = injected(podWith(annotations, { volumes }))
    t.strictSame(
      pod.spec.containers[0]?.volumeMounts?.map((mount) => mount.name),
      mounted,
    )
    for (const loader of pod.spec.initContainers ?? []) t.ok(mounted.includes(loader.volumeMounts?.[0]?.name ?? ''))
    const suffixes = Object.keys(annotations).flatMap((key) =>
      key.startsWith('source') ? [key.slice('source'.length).replace('.', '-')] : [],
    )
    t.strictSame(
      pod.spec.volumes?.slice(volumes.length).map((volume) => volume.name),
      suffixes.map((suffix) => `model-data${suffix}`),
    )
    t.end()
  })
}

/* Nodes */

const daemonSet = { metadata: { ownerReferences: [{ kind: 'DaemonSet' }] } }

t.test('a pod that names its node gets a warning, unless it selects the label itself', (t) => {
  const pod = podWith({ source: 'node:///opt/models/llama' })
  const owned = (spec: Partial<PodSpec> = {}): Pod => ({
    ...pod,
    metadata: { ...pod.metadata, ...daemonSet.metadata },
    spec: { ...pod.spec, ...spec },
  })
  t.strictSame(warningsOf(pod), [])
  t.strictSame(warningsOf(owned()), ['DaemonSetPending'])
  t.strictSame(warningsOf(owned({ nodeName: 'a' })), ['NodeNameSet', 'DaemonSetPending'])
  t.strictSame(
    warningsOf(
      owned({ nodeName: 'a', nodeSelector: { [nodeLabelFor('/opt/models/llama', defaultPrefix)]: 'present' } }),
    ),
    [],
  )
  t.strictSame(
    warningsOf({ ...owned(), metadata: { ...pod.metadata, ownerReferences: [{ kind: 'ReplicaSet' }, {}] } }),
    [],
  )
  t.end()
})

t.test('warnings of the longest model name fit into what kubectl shows', (t) => {
  const name = 'a'.repeat(40)
  const pod = podWith(
    { [`source.${name}`]: 'node:///opt/models/llama', [`source.b${name.slice(1)}`]: 'pvc://models/current' },
    { nodeName: 'a' },
  )
  const { warnings } = injected({ ...pod, metadata: { ...pod.metadata, ...daemonSet.metadata } })
  t.equal(warnings.length, 3)
  for (const { message } of warnings) t.ok(message.length <= 120, `${message.length}: ${message}`)
  t.end()
})

/* Image volumes */

const versions: readonly [version: string | undefined, allowed: boolean][] = [
  [undefined, false],
  ['1.30', false],
  ['v1.34.9-eks-1', false],
  ['1.35', true],
  ['v1.36.0', true],
  ['1.100', true],
  ['2.0', true],
]

for (const [version, isAllowed] of versions) {
  t.test(
    `an image source on a cluster of version ${version ?? 'unknown'} is ${isAllowed ? 'injected' : 'denied with what to do'}`,
    (t) => {
      const config = version === undefined ? '' : `cluster: {version: "${version}"}`
      if (isAllowed) {
        t.equal(injected(podWith({ source: image }), config).outcome, 'injected')
      } else {
        t.match(denied(podWith({ source: image }), config).diagnostics, [
          {
            reason: 'DeliveryNotAvailable',
            problem: version ?? 'does not say',
            remedy: version === undefined ? 'cluster.version' : 'upgraded',
          },
        ])
      }
      t.end()
    },
  )
}

/* Mountpoint */

t.test('the headroom gate is set once, where the operator turned it on and no node is chosen', (t) => {
  const two = {
    source: 's3://models/a/',
    delivery: 'mountpoint',
    'source.b': 's3://models/b/',
    'delivery.b': 'mountpoint',
  }
  const gates = (annotations: Record<string, string>, spec: Partial<PodSpec>, config: string): unknown =>
    injected(podWith(annotations, spec), config).pod.spec.schedulingGates
  const on = 'mountpoint: {headroomGate: true}'
  t.strictSame(gates(two, {}, on), [{ name: headroomGate }])
  t.strictSame(gates(two, { schedulingGates: [{ name: headroomGate }] }, on), [{ name: headroomGate }])
  t.strictSame(gates(two, { nodeName: '' }, on), [{ name: headroomGate }])
  t.equal(gates(two, { nodeName: 'node-7' }, on), undefined)
  t.equal(gates(two, {}, 'mountpoint: {headroomGate: false}'), undefined)
  t.equal(gates({ source: 'pvc://models' }, {}, on), undefined)
  t.end()
})

/* Differences of a volume of ours from one of the user */

const volumes: readonly [volume: Volume, source: string, ours: boolean][] = [
  [{ name: 'x', persistentVolumeClaim: { claimName: 'models', readOnly: true } }, 'pvc://models/a', true],
  [{ name: 'x', persistentVolumeClaim: { claimName: 'models' } }, 'pvc://models/a', false],
  [{ name: 'x', persistentVolumeClaim: { claimName: 'others', readOnly: true } }, 'pvc://models/a', false],
  [{ name: 'x', hostPath: { path: '/opt/x' } }, 'node:///opt/x', true],
  [{ name: 'x', hostPath: { path: '/opt/y' } }, 'node:///opt/x', false],
  [{ name: 'x', image: { reference: 'mirror/x' } }, image, true],
  [{ name: 'x', emptyDir: {} }, image, false],
  [{ name: 'x', persistentVolumeClaim: { claimName: 'any', readOnly: true } }, 's3://models/a/', true],
  [{ name: 'x', emptyDir: {} }, 's3://models/a/', false],
  [{ name: 'x', hostPath: null, image: null, persistentVolumeClaim: null }, 'pvc://models', false],
]

for (const [volume, source, isOurs] of volumes) {
  t.test(`${JSON.stringify(volume)} is ${isOurs ? '' : 'not '}how ${source} is mounted`, (t) => {
    t.equal(isVolumeFor(volume, sourceOf(source)), isOurs)
    t.end()
  })
}
