/** A model on a claim is exposed by other pods that mount the claim for writing, and by nothing else. */
import fc from 'fast-check'
import t from 'tap'
import { parseAllDocuments } from 'yaml'
import { auditPods } from '../../../src/audit/audit.ts'
import type { AuditedObject } from '../../../src/audit/audited-object.ts'
import type { AuditedPod, Evidence } from '../../../src/audit/judgement.ts'
import { parseWaivers } from '../../../src/audit/waivers/parse-waivers.ts'
import { useWaivers } from '../../../src/audit/waivers/waive.ts'
import type { Config } from '../../../src/config/config.ts'
import { parseConfig } from '../../../src/config/parse-config.ts'
import { inject } from '../../../src/inject/inject.ts'
import type { Container, Pod } from '../../../src/pod/pod.ts'
import { runCLI } from '../../integration/cli/run-cli.ts'
import { podWith } from '../../kit/webhook/pods.ts'

const image = `registry.example.com/model-injector@sha256:${'b'.repeat(64)}`
const config = configOf(`defaults: {image: "${image}"}`)
const expected = `manifest=SHA256SUMS@sha256:${'a'.repeat(64)}`
const onClaim = { source: 'pvc://models/llama/1', expect: expected }
const onShared = { source: 's3://models/llama/', volume: 'existing/data', size: '1Gi', expect: expected }
const sharedVolume = { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'models' } }] }
const field = 'spec.volumes[model-data].persistentVolumeClaim'

function configOf(text: string): Config {
  const result = parseConfig(text)
  if (!result.ok) throw new Error(result.problems.join('; '))
  return result.config
}

function named(name: string, pod: Pod, namespace = 'apps'): Pod {
  return { ...pod, metadata: { ...pod.metadata, name, namespace, uid: `uid-${name}` } }
}

function injected(name: string, annotations: Record<string, string>, spec: Partial<Pod['spec']> = {}): Pod {
  const outcome = inject(podWith(annotations, spec), 'apps', config)
  if (outcome.outcome !== 'injected') throw new Error(JSON.stringify(outcome))
  return named(name, outcome.pod)
}

const app = injected('app', onClaim)

type WriterSpec = Omit<Partial<Pod['spec']>, 'containers'> & { readonly containers?: readonly Container[] }

const mount = { name: 'data', mountPath: '/data' }
const writing: Container = { name: 'app', volumeMounts: [mount] }

function writer(spec: WriterSpec = {}, { name = 'writer', namespace = 'apps' } = {}): Pod {
  const { containers = [writing], ...rest } = spec
  return named(name, { metadata: {}, spec: { ...sharedVolume, ...rest, containers: [...containers] } }, namespace)
}

function publisher(changed: Partial<Container> = {}): Pod {
  const container = {
    name: 'publisher',
    image,
    args: ['publish', '--source', 's3://models/llama/', '--volume', '/models-volume'],
    volumeMounts: [{ name: 'data', mountPath: '/models-volume' }],
    terminationMessagePolicy: 'FallbackToLogsOnError',
    ...changed,
  }
  return writer({ containers: [container] })
}

function objects(...pods: readonly Pod[]): readonly AuditedObject[] {
  return pods.map((pod) => ({ pod, namespace: pod.metadata?.namespace as string }))
}

async function audit(input: readonly AuditedObject[], judging = config): Promise<readonly AuditedPod[]> {
  return collect(auditPods(input, { config: judging }))
}

async function collect(audited: AsyncIterable<AuditedPod>): Promise<readonly AuditedPod[]> {
  const pods: AuditedPod[] = []
  for await (const pod of audited) pods.push(pod)
  return pods
}

async function auditApp(...others: readonly Pod[]): Promise<AuditedPod> {
  return podCalled('app', await audit(objects(app, ...others)))
}

function podCalled(name: string, pods: readonly AuditedPod[]): AuditedPod {
  const found = pods.find((pod) => pod.name === name)
  if (found === undefined) throw new Error(`${name} was not audited`)
  return found
}

function evidenceOf({ judgements }: AuditedPod): readonly Evidence[] {
  return judgements.find(({ judgement }) => judgement === 'exposed')?.evidence ?? []
}

const verdictOf = ({ judgements: [{ judgement }] }: AuditedPod): string => judgement

t.test('the judgement names the field of the pod, and pod, container and mount of the other', async (t) => {
  t.match(await auditApp(writer()), {
    judgements: [
      {
        judgement: 'exposed',
        reason:
          'another pod mounts the claim of a model for writing (pod/writer container app mounts claim models for writing at /data)',
        evidence: [
          {
            field,
            expected: 'mounted for writing by no other pod',
            found: 'pod/writer container app mounts claim models for writing at /data',
          },
        ],
      },
    ],
  })
})

const exposing: Readonly<Record<string, readonly [other: Pod, found: RegExp]>> = {
  'an init container': [
    writer({ initContainers: [{ ...writing, name: 'setup' }], containers: [{ name: 'app' }] }),
    /^pod\/writer init container setup mounts/,
  ],
  'a container of kubectl debug': [
    writer({ ephemeralContainers: [{ ...writing, name: 'debugger' }], containers: [{ name: 'app' }] }),
    /^pod\/writer ephemeral container debugger mounts/,
  ],
  'a block device': [
    writer({ containers: [{ name: 'app', volumeDevices: [{ name: 'data', devicePath: '/dev/models' }] }] }),
    /at \/dev\/models$/,
  ],
  'a mount of a directory above the model': [
    writer({ containers: [{ name: 'app', volumeMounts: [{ ...mount, subPath: './llama/' }] }] }),
    /at \/data, directory \.\/llama\/$/,
  ],
  'a mount of a directory that only the node knows': [
    writer({ containers: [{ name: 'app', volumeMounts: [{ ...mount, subPathExpr: '$(POD_NAME)' }] }] }),
    /at \/data$/,
  ],
  'a container that has only the name of a loader': [
    writer({ initContainers: [{ ...writing, name: 'model-loader' }], containers: [{ name: 'app' }] }),
    /init container model-loader/,
  ],
  "a publisher's arguments in another image": [
    publisher({ image: 'elsewhere.example.com/model-injector:0.1.0' }),
    /container publisher/,
  ],
  'a publisher with another command': [publisher({ command: ['/bin/sh'] }), /container publisher/],
  'a publisher with a hook': [publisher({ lifecycle: { postStart: { exec: { command: ['x'] } } } }), /publisher/],
  'a publisher with another program over its own': [
    publisher({
      volumeMounts: [
        { name: 'data', mountPath: '/models-volume' },
        { name: 'x', mountPath: '/usr/local' },
      ],
    }),
    /publisher/,
  ],
}

for (const [name, [other, found]] of Object.entries(exposing)) {
  t.test(`a model on a claim is exposed by ${name}`, async (t) => {
    const pod = await auditApp(other)
    t.equal(verdictOf(pod), 'exposed')
    t.match(evidenceOf(pod), [{ field, found }])
  })
}

const harmless: Readonly<Record<string, Pod>> = {
  'a volume that is read-only': writer({
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'models', readOnly: true } }],
  }),
  'mounts that are all read-only': writer({
    containers: [{ name: 'app', volumeMounts: [{ ...mount, readOnly: true }] }],
  }),
  'a volume that no container mounts': writer({ containers: [{ name: 'app' }] }),
  'another claim': writer({ volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'other' } }] }),
  'a claim of that name in another namespace': writer({}, { namespace: 'ml' }),
  'another directory of the volume': writer({
    containers: [{ name: 'app', volumeMounts: [{ ...mount, subPath: 'llama/10' }] }],
  }),
  'a pod that has ended': { ...writer(), status: { phase: 'Succeeded' } },
  'a pod with the same model': injected('app-2', onClaim),
  'a publisher of the operator': publisher(),
  'an older publisher of the operator': publisher({ image: 'registry.example.com/model-injector:0.0.9' }),
}

for (const [name, other] of Object.entries(harmless)) {
  t.test(`a model on a claim is not exposed by ${name}`, async (t) => {
    t.equal(verdictOf(await auditApp(other)), 'conforming')
  })
}

t.test('without the image of the installation a publisher is a writer like any other', async (t) => {
  const pods = await audit(objects(app, publisher()), configOf(''))
  t.match(evidenceOf(podCalled('app', pods)), [{ found: /^pod\/writer container publisher/ }])
})

t.test('apps that load onto one claim do not expose each other, unless a loader was changed', async (t) => {
  const [one, other] = [injected('one', onShared, sharedVolume), injected('other', onShared, sharedVolume)]
  t.strictSame((await audit(objects(one, other))).map(verdictOf), ['conforming', 'conforming'])
  const loaders = (other.spec.initContainers ?? []).map((loader) => ({
    ...loader,
    image: 'elsewhere.example.com/loader:1',
  }))
  const changed = { ...other, spec: { ...other.spec, initContainers: loaders } }
  const pods = await audit(objects(one, changed))
  t.strictSame(pods.map(verdictOf), ['exposed', 'tampered'])
  t.match(evidenceOf(pods[0]!), [
    { field: 'spec.volumes[data].persistentVolumeClaim', found: /^pod\/other init container model-loader mounts/ },
  ])
})

t.test(
  'the loader of a pod that cannot be compared with its plan counts, whatever the pod says of itself',
  async (t) => {
    const one = injected('one', onShared, sharedVolume)
    const other = injected('other', onShared, sharedVolume)
    const annotated = (changes: Record<string, string | undefined>): Pod => {
      const all = Object.entries({ ...other.metadata?.annotations, ...changes })
      const annotations = Object.fromEntries(all.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])))
      return { ...other, metadata: { ...other.metadata, annotations } }
    }
    const prefix = 'models.example.io/'
    for (const [changes, own] of [
      [{ [`${prefix}timeout`]: '1h' }, 'outdated'],
      [{ [`${prefix}status`]: undefined }, 'tampered'],
      [Object.fromEntries(Object.keys(other.metadata?.annotations ?? {}).map((key) => [key, undefined])), 'tampered'],
    ] as const) {
      const pods = await audit(objects(one, annotated(changes)))
      t.match(evidenceOf(podCalled('one', pods)), [{ found: /^pod\/other init container model-loader mounts/ }])
      t.equal(verdictOf(podCalled('other', pods)), own)
    }
    const denying = configOf(`{defaults: {image: "${image}"}, policy: {rules: [{name: x, namespaces: [ml]}]}}`)
    t.equal(evidenceOf(podCalled('one', await audit(objects(one, other), denying))).length, 1)
  },
)

t.test('the app of another pod that asked for a writable model on the same claim counts', async (t) => {
  const reader = injected('reader', onShared, sharedVolume)
  const changer = injected('changer', { ...onShared, 'read-only': 'false' }, sharedVolume)
  const pods = await audit(objects(reader, changer))
  t.match(evidenceOf(podCalled('reader', pods)), [
    { found: /^pod\/changer container app mounts claim models for writing at \/models\/model, directory \w+\/files$/ },
  ])
  t.equal(verdictOf(podCalled('changer', pods)), 'conforming', 'the reader does not write')
})

t.test('the claim of an ephemeral volume has the name of pod and volume, and another pod can mount it', async (t) => {
  const owner = injected('app', {
    source: 's3://models/llama/',
    volume: 'ephemeral/fast',
    size: '1Gi',
    expect: expected,
  })
  const other = writer({ volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'app-model-data' } }] })
  t.match(evidenceOf(podCalled('app', await audit(objects(owner, other)))), [
    {
      field: 'spec.volumes[model-data].ephemeral',
      found: 'pod/writer container app mounts claim app-model-data for writing at /data',
    },
  ])
})

t.test('writers of the own pod and of others are one judgement, and what else is wrong stays', async (t) => {
  const exposed = injected('app', onClaim, {
    ...sharedVolume,
    containers: [{ name: 'app' }, { ...writing, name: 'x' }],
  })
  const edited = {
    ...exposed,
    metadata: {
      ...exposed.metadata,
      annotations: { ...exposed.metadata?.annotations, 'models.example.io/timeout': '1h' },
    },
  }
  const { judgements } = podCalled('app', await audit(objects(edited, writer())))
  t.strictSame(
    judgements.map(({ judgement }) => judgement),
    ['outdated', 'exposed'],
  )
  t.match(judgements[1], {
    reason:
      /^the storage of a model is mounted for writing \(spec\.containers\[x\][^;]*; another pod mounts .*pod\/writer/,
    evidence: [{ field: 'spec.containers[x].volumeMounts[/data]' }, { found: /^pod\/writer/ }],
  })
})

function replica(index: number): Pod {
  const pod = injected(`app-${index}`, { ...onShared, 'read-only': 'false' }, sharedVolume)
  const ownerReferences = [{ kind: 'StatefulSet', name: 'app', controller: true }]
  return { ...pod, metadata: { ...pod.metadata, ownerReferences } }
}

t.test('replicas are one line with their number, without the pod itself, and many workloads are cut', async (t) => {
  const pods = await audit(objects(replica(1), replica(2), replica(3)))
  t.match(
    pods.map((pod) => evidenceOf(pod).map(({ found }) => found)),
    [
      [/^pod\/app-2 .*, as does 1 more pod of StatefulSet\/app$/],
      [/^pod\/app-1 .*, as does 1 more pod of StatefulSet\/app$/],
      [/^pod\/app-1 .*, as does 1 more pod of StatefulSet\/app$/],
    ],
  )
  const many = Array.from({ length: 100 }, (_, i) => writer({}, { name: `writer-${i}` }))
  const found = evidenceOf(await auditApp(...many))
  t.equal(found.length, 11)
  t.equal(found.at(-1)?.found, '90 more mount it for writing')
})

t.test('a pod that has ended is not judged by those that write now', async (t) => {
  const ended = { ...app, status: { phase: 'Succeeded' } }
  t.equal(verdictOf(podCalled('app', await audit(objects(ended, writer())))), 'conforming')
})

t.test('workloads of files are judged as they would be created', async (t) => {
  const template = (name: string, pod: Pod): AuditedObject => ({
    pod,
    namespace: 'apps',
    file: 'deploy.yaml',
    workload: { kind: 'Deployment', name },
  })
  const pods = await audit([template('app', podWith(onClaim)), template('writer', { spec: writer().spec })])
  t.match(podCalled('deployment/app', pods), {
    judgements: [
      { judgement: 'exposed', evidence: [{ field, found: /^deployment\/writer container app mounts claim models/ }] },
    ],
  })
})

t.test('a namespace that has ended is judged before the next one is read', async (t) => {
  const read: string[] = []
  const input = function* (): Generator<AuditedObject> {
    for (const namespace of ['a', 'b', 'c']) {
      for (const pod of [app, writer()]) {
        read.push(namespace)
        yield { pod: { ...pod, metadata: { ...pod.metadata, namespace } }, namespace, isByNamespace: true }
      }
    }
  }
  const seen: (readonly [string, string, number])[] = []
  for await (const pod of auditPods(input(), { config })) seen.push([pod.namespace, verdictOf(pod), read.length])
  t.strictSame(seen, [
    ['a', 'exposed', 3],
    ['b', 'exposed', 5],
    ['c', 'exposed', 6],
  ])
})

t.test('the order of the pods changes nothing', async (t) => {
  const pods = [
    app,
    injected('app-on-claim', onClaim),
    injected('shared', onShared, sharedVolume),
    ...[1, 2, 3, 4].map(replica),
    ...Object.values(exposing).map(([pod], i) => named(`exposing-${i}`, pod)),
    ...Object.values(harmless).map((pod, i) => (pod.metadata?.namespace === 'ml' ? pod : named(`harmless-${i}`, pod))),
  ]
  const all = objects(...pods)
  const judge = async (input: readonly AuditedObject[]): Promise<readonly AuditedPod[]> =>
    (await audit(input)).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray([...all]), async (some) => {
      const rest = all.filter((object) => some.includes(object))
      const [one, other] = [await judge(some), await judge(rest)]
      if (JSON.stringify(one) !== JSON.stringify(other)) throw new Error(JSON.stringify([one, other]))
    }),
    { seed: Number(process.env.FAST_CHECK_SEED ?? 20260101), numRuns: 40 },
  )
  t.pass('it did not')
})

t.test('a waiver accepts it', async (t) => {
  const result = parseWaivers(
    '{waivers: [{pods: {namespaces: [apps]}, judgement: exposed, reason: ticket 7, until: 2999-12-31}]}',
    'waivers.yaml',
  )
  if (!result.ok) throw new Error(result.problems.join('; '))
  const waivers = useWaivers(result.waivers, new Date())
  const pods = await collect(auditPods(objects(app, writer()), { config, waivers }))
  t.match(pods, [
    { judgements: [{ judgement: 'conforming' }, { judgement: 'exposed', waived: { reason: 'ticket 7' } }] },
  ])
  t.strictSame(waivers.unused(), [])
})

t.test('the command shows it in every output, and for workloads', async (t) => {
  const manifest = (kind: string, pod: Pod): object => ({ apiVersion: 'v1', kind, ...pod })
  const directory = t.testdir({
    'a-app.json': JSON.stringify(manifest('Pod', app)),
    'b-writer.json': JSON.stringify(manifest('Pod', writer())),
    'image.yaml': `defaults: {image: "${image}"}`,
  })
  const run = (...args: readonly string[]) =>
    runCLI(['audit', '-f', '.', '--config', 'image.yaml', ...args], { cwd: directory, env: { COLUMNS: '400' } })
  const words = 'pod/writer container app mounts claim models for writing at /data'
  t.match(await run('--fail-on', 'warning'), {
    code: 1,
    stderr: 'model-injector: failed on 1 exposed\n',
    stdout: new RegExp(`exposed: another pod mounts the claim of a model for writing \\(${words}\\)\n`),
  })
  const outputs = Object.fromEntries(
    await Promise.all(
      ['json', 'csv', 'sarif', 'junit', 'policyreport', 'openreports'].map(
        async (format) => [format, (await run('-o', format, '--fail-on', 'exposed')).stdout] as const,
      ),
    ),
  )
  for (const [format, text] of Object.entries(outputs)) t.match(text, words, format)
  t.match(JSON.parse(outputs.json ?? ''), {
    pods: [{ name: 'app', judgements: [{ judgement: 'exposed' }] }],
    workloads: [{ kind: 'Pod', name: 'app', worst: 'exposed' }],
    summary: { pods: 1, exposed: 1, conforming: 0 },
  })
  t.match(JSON.parse(outputs.sarif ?? ''), { runs: [{ results: [{ properties: { evidence: [{ field }] } }] }] })
  t.match(outputs.junit, 'failures="1"')
  t.match(parseAllDocuments(outputs.policyreport ?? '')[0]?.toJS(), { results: [{ rule: 'exposed', result: 'warn' }] })
  t.match((await run('--by', 'workload')).stdout, /apps +Pod\/app +1 +exposed +1 exposed\n/)
  t.match((await run('--html', '-')).stdout, words)
})
