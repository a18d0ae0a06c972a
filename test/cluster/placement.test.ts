import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { annotationNames, annotations as table } from '../../src/annotations.ts'
import type { ApiResponse } from '../../src/cluster/transport.ts'
import { apiClient, type ApiClient, type ApiObject } from '../kit/cluster/api-client.ts'
import { startControlPlane } from '../kit/cluster/control-plane.ts'
import { kubectlBinary } from '../kit/tools/helm.ts'
import { installPlacement, placementName, placementWarnings, typeWarnings } from '../kit/cluster/policies.ts'
import { waitFor } from '../kit/tools/wait-for.ts'

// The first run on a machine builds the control plane from source.
const timeout = 45 * 60 * 1000
t.setTimeout(timeout)

type Annotations = Readonly<Record<string, string>>

interface WorkloadKind {
  readonly kind: string
  readonly collection: string
  readonly template: string
  readonly make: (template: object) => Record<string, unknown>
}

const selector = { matchLabels: { app: 'inference' } }
const workloadKinds: readonly WorkloadKind[] = [
  {
    kind: 'Deployment',
    collection: '/apis/apps/v1/namespaces/default/deployments',
    template: 'spec.template',
    make: (template) => ({ selector, template }),
  },
  {
    kind: 'StatefulSet',
    collection: '/apis/apps/v1/namespaces/default/statefulsets',
    template: 'spec.template',
    make: (template) => ({ selector, serviceName: 'inference', template }),
  },
  {
    kind: 'DaemonSet',
    collection: '/apis/apps/v1/namespaces/default/daemonsets',
    template: 'spec.template',
    make: (template) => ({ selector, template }),
  },
  {
    kind: 'ReplicaSet',
    collection: '/apis/apps/v1/namespaces/default/replicasets',
    template: 'spec.template',
    make: (template) => ({ selector, template }),
  },
  {
    kind: 'ReplicationController',
    collection: '/api/v1/namespaces/default/replicationcontrollers',
    template: 'spec.template',
    make: (template) => ({ selector: selector.matchLabels, template }),
  },
  {
    kind: 'Job',
    collection: '/apis/batch/v1/namespaces/default/jobs',
    template: 'spec.template',
    make: (template) => ({ template }),
  },
  {
    kind: 'CronJob',
    collection: '/apis/batch/v1/namespaces/default/cronjobs',
    template: 'spec.jobTemplate.spec.template',
    make: (template) => ({ schedule: '0 0 * * *', jobTemplate: { spec: { template } } }),
  },
]
const deployment = kindNamed('Deployment')

const complete = { source: 's3://models/llama/', expect: 'objects=3', size: '10Gi' }

const messageCases: readonly {
  readonly name: string
  readonly annotations: Annotations
  readonly spec?: object
  readonly kind?: string
  readonly warnings: readonly string[]
}[] = [
  { name: 'all annotations that the policy asks for', annotations: complete, warnings: [] },
  { name: 'a claim', annotations: { source: 'pvc://models' }, warnings: [] },
  { name: 'a mountpoint', annotations: { source: 's3://models/llama/', delivery: 'mountpoint' }, warnings: [] },
  {
    name: 'an image',
    annotations: { source: `oci://registry.example.com/llama@sha256:${'0'.repeat(64)}` },
    warnings: [],
  },
  { name: 'the status and label of an injection', annotations: { ...complete, status: '{}' }, warnings: [] },
  { name: 'a template that opted out', annotations: { inject: 'false', sorce: 's3://models/llama/' }, warnings: [] },
  {
    name: 'a misspelt annotation',
    annotations: { ...complete, 'mount-pth': '/models' },
    warnings: ['models.example.io/mount-pth is not known: its pods will be denied. Known: mount-path'],
  },
  {
    name: 'a misspelt source',
    annotations: { sorce: 's3://models/llama/' },
    warnings: [
      'models.example.io/sorce is not known: its pods will be denied. Known: source',
      'no models.example.io/source in spec.template.metadata.annotations: its pods will be denied',
    ],
  },
  {
    name: 'two unknown annotations',
    annotations: { ...complete, uri: 'x', 'path.llama': '/x' },
    warnings: [
      'models.example.io/path.llama (and 1 more) is not known: its pods will be denied. See model-injector explain',
    ],
  },
  {
    name: 'an annotation in upper case, and one that many begin like',
    annotations: { ...complete, 'Requester-Pays': 'true' },
    warnings: [
      'models.example.io/Requester-Pays is not known: its pods will be denied. Known: read-only, region, requester-pays',
    ],
  },
  {
    name: 'no source',
    annotations: { inject: 'true' },
    warnings: ['no models.example.io/source in spec.template.metadata.annotations: its pods will be denied'],
  },
  {
    name: 'a suffix without its source',
    annotations: { ...complete, 'size.llama': '1Gi', 'mount-path.llama': '/models' },
    warnings: ['models.example.io/mount-path.llama (and 1 more) has no source.llama: its pods will be denied'],
  },
  {
    name: 'a size without a source',
    annotations: { size: '1Gi' },
    warnings: ['models.example.io/size has no source: its pods will be denied'],
  },
  {
    name: 'a suffix where none belongs',
    annotations: { ...complete, 'service-account.llama': 'reader' },
    warnings: [
      'models.example.io/service-account.llama is for the whole pod: its pods will be denied. Drop the suffix',
    ],
  },
  {
    name: 'a source that is none, which the policy about values reports',
    annotations: { source: 'arn:aws:s3:::models/llama' },
    warnings: [],
  },
  {
    name: 'a size of a claim',
    annotations: {
      source: 'pvc://models',
      size: '1Gi',
      'source.b': 's3://models/b/',
      'size.b': '1Gi',
      'expect.b': 'objects=1',
    },
    warnings: ['models.example.io/size does not apply to this kind of source: its pods will be denied'],
  },
  {
    name: 'an expectation of an image',
    annotations: { 'source.a': `oci://registry.example.com/llama@sha256:${'0'.repeat(64)}`, 'expect.a': 'objects=1' },
    warnings: ['models.example.io/expect.a does not apply to this kind of source: its pods will be denied'],
  },
  {
    name: 'a claim that is to be written to',
    annotations: { source: 'pvc://models', 'read-only': 'false' },
    warnings: ['models.example.io/read-only does not apply to this kind of source: its pods will be denied'],
  },
  {
    name: 'a claim that says it is read-only',
    annotations: { source: 'pvc://models', 'read-only': 'true' },
    warnings: [],
  },
  {
    name: 'a path that moves',
    annotations: { source: 'pvc://models/llama/current' },
    warnings: ['models.example.io/source ends in current: restarted containers may see another version'],
  },
  {
    name: 'no expectation',
    annotations: { source: 's3://models/llama/', size: '1Gi', 'source.b': 's3://models/b/', 'size.b': '1Gi' },
    warnings: ['set models.example.io/expect (and 1 more): without it, a model still being uploaded looks complete'],
  },
  {
    name: 'no size',
    annotations: { 'source.llama': 's3://models/llama/', 'expect.llama': 'objects=3' },
    warnings: ['set models.example.io/size.llama: without it, pods may get a node whose disk is too small'],
  },
  {
    name: 'no size for a volume in memory',
    annotations: { source: 's3://models/llama/', expect: 'objects=3', volume: 'memory' },
    warnings: ['set models.example.io/size, which this kind of volume needs: its pods will be denied'],
  },
  {
    name: 'no size for a new claim',
    annotations: { source: 's3://models/llama/', expect: 'objects=3', volume: 'ephemeral/gp3' },
    warnings: ['set models.example.io/size, which this kind of volume needs: its pods will be denied'],
  },
  {
    name: 'no size for a volume of the pod',
    annotations: { source: 's3://models/llama/', expect: 'objects=3', volume: 'existing/cache' },
    warnings: [],
  },
  {
    name: 'an endpoint without TLS',
    annotations: { ...complete, endpoint: 'http://minio.example.com' },
    warnings: ['models.example.io/endpoint is http://: the model travels unprotected'],
  },
  {
    name: 'a writable model for any user',
    annotations: { ...complete, 'read-only': 'false' },
    warnings: [
      'models.example.io/read-only is "false": set fsGroup or runAsUser in the template, or the app may fail to write',
    ],
  },
  {
    name: 'a writable model for a group',
    annotations: { ...complete, 'read-only': 'false' },
    spec: { securityContext: { fsGroup: 2000 } },
    warnings: [],
  },
  {
    name: 'a writable model for a known user',
    annotations: { ...complete, 'read-only': 'false' },
    spec: { containers: [{ name: 'app', image: 'app:1', securityContext: { runAsUser: 1000 } }] },
    warnings: [],
  },
  {
    name: 'another service account',
    annotations: { ...complete, 'service-account': 'reader' },
    spec: { serviceAccountName: 'app' },
    warnings: ['serviceAccountName app will be replaced with reader (models.example.io/service-account)'],
  },
  {
    name: 'the default service account',
    annotations: { ...complete, 'service-account': 'reader' },
    spec: { serviceAccountName: 'default' },
    warnings: [],
  },
  {
    name: 'the same service account',
    annotations: { ...complete, 'service-account': 'app' },
    spec: { serviceAccountName: 'app' },
    warnings: [],
  },
  { name: 'no service account', annotations: { ...complete, 'service-account': 'reader' }, warnings: [] },
  {
    name: 'a template for Windows',
    annotations: complete,
    spec: { nodeSelector: { 'beta.kubernetes.io/os': 'windows' } },
    warnings: ['models are delivered to Linux pods only, and these are for windows: its pods will be denied'],
  },
  {
    name: 'an emptyDir under Kata',
    annotations: complete,
    spec: { runtimeClassName: 'kata-qemu' },
    warnings: [
      'runtimeClassName kata-qemu: Kata may show an emptyDir empty; use models.example.io/volume ephemeral/CLASS',
    ],
  },
  {
    name: 'a claim under Kata',
    annotations: { ...complete, volume: 'ephemeral/gp3' },
    spec: { runtimeClassName: 'kata-qemu' },
    warnings: [],
  },
  {
    name: 'a model of the nodes in a DaemonSet',
    annotations: { source: 'node:///opt/models/llama' },
    kind: 'DaemonSet',
    warnings: [
      "a DaemonSet's pods stay Pending on nodes without the model: select its node.models.example.io/ label in the template",
    ],
  },
  {
    name: 'a model of the nodes in a DaemonSet for those nodes',
    annotations: { source: 'node:///opt/models/llama' },
    kind: 'DaemonSet',
    spec: { nodeSelector: { 'node.models.example.io/0123456789abcdef': 'present' } },
    warnings: [],
  },
  {
    name: 'the same by affinity',
    annotations: { source: 'node:///opt/models/llama' },
    kind: 'DaemonSet',
    spec: { affinity: nodeAffinity() },
    warnings: [],
  },
  { name: 'a model of the nodes in a Deployment', annotations: { source: 'node:///opt/models/llama' }, warnings: [] },
]

t.test('the placement policy on a real API server', { timeout }, async (t) => {
  const controlPlane = await startControlPlane()
  t.teardown(() => controlPlane.stop())
  const api = await apiClient(controlPlane.kubeConfig)
  t.teardown(() => {
    api.close()
  })
  await installPlacement(api)

  await t.test('the type checker of the cluster finds nothing wrong with it', async (t) => {
    t.strictSame(await typeWarnings(api, placementName), [])
  })

  for (const kind of workloadKinds) {
    await t.test(`a ${kind.kind} gets a warning where its annotations belong, and is stored`, async (t) => {
      const misplaced = await apply(api, kind, { own: { source: 's3://models/llama/' }, annotations: {} })
      t.equal(misplaced.status, 201)
      t.strictSame(placementWarnings(misplaced), [
        `models.example.io/source does nothing on a ${kind.kind}: move it to ${kind.template}.metadata.annotations`,
      ])
      const several = await apply(api, kind, { own: { source: 's3://models/llama/', size: '1Gi' }, annotations: {} })
      t.strictSame(placementWarnings(several), [
        `models.example.io/size (and 1 more) does nothing on a ${kind.kind}: move it to ${kind.template}.metadata.annotations`,
      ])
    })

    await t.test(
      `a ${kind.kind} without a mistake, and one without annotations of ours, gets no warning`,
      async (t) => {
        for (const annotations of [complete, {}]) t.strictSame((await apply(api, kind, { annotations })).warnings, [])
        t.strictSame(
          (await apply(api, kind, { own: complete, annotations: complete })).warnings,
          [],
          'as tools write it that annotate everything',
        )
      },
    )

    await t.test(`a ${kind.kind} gets a warning about a mistake in its template`, async (t) => {
      const { warnings } = await apply(api, kind, { annotations: { ...complete, 'mount-pth': '/models' } })
      t.strictSame(placementWarnings({ warnings }), [
        'models.example.io/mount-pth is not known: its pods will be denied. Known: mount-path',
      ])
    })
  }

  await t.test("the annotations of a CronJob's Job are misplaced too", async (t) => {
    const jobTemplate = {
      metadata: { annotations: { 'models.example.io/source': 's3://models/llama/' } },
      spec: { template: templateOf({ spec: { restartPolicy: 'Never' } }) },
    }
    const cronJob = { metadata: { name: 'inference' }, spec: { schedule: '0 0 * * *', jobTemplate } }
    const { warnings } = await api.request('POST', `${kindNamed('CronJob').collection}?dryRun=All`, cronJob)
    t.strictSame(placementWarnings({ warnings }), [
      'models.example.io/source does nothing on a CronJob: move it to spec.jobTemplate.spec.template.metadata.annotations',
    ])
  })

  for (const { name, annotations, spec, kind = 'Deployment', warnings } of messageCases) {
    await t.test(`${name}: ${warnings.length === 0 ? 'nothing to say' : 'it says so'}`, async (t) => {
      const response = await apply(api, kindNamed(kind), { annotations, ...(spec !== undefined && { spec }) })
      t.equal(response.status, 201)
      t.strictSame(placementWarnings(response), warnings)
    })
  }

  for (const { name, warnings } of messageCases) {
    for (const warning of warnings) {
      t.ok(warning.length <= 120, `the message of ${name} has ${warning.length} characters`)
    }
  }

  await t.test('a change of a workload is looked at as well', async (t) => {
    await apply(api, deployment, { annotations: complete, dryRun: false })
    const path = `${deployment.collection}/inference`
    t.teardown(() => api.request('DELETE', path))
    // The controllers write the object at the same time: what was read may be stale by the time it is written.
    const { status, warnings } = await waitFor('the change to be accepted', async () => {
      const current = (await api.request('GET', path)).body as { spec: object }
      const annotations = { ...complete, size: '', expct: 'objects=3' }
      const spec = { ...current.spec, template: templateOf({ annotations }) }
      const response = await api.request('PUT', path, { ...current, spec })
      return response.status === 409 ? undefined : response
    })
    t.equal(status, 200)
    t.strictSame(placementWarnings({ warnings }), [
      'models.example.io/expct is not known: its pods will be denied. Known: exclude, expect',
    ])
  })

  await t.test('objects of a controller are passed over, and the log of the controllers stays quiet', async (t) => {
    await apply(api, deployment, {
      own: complete,
      annotations: { ...complete, sorce: 'x' },
      name: 'noisy',
      dryRun: false,
    })
    t.teardown(() => api.request('DELETE', `${deployment.collection}/noisy`))
    await waitFor('its ReplicaSet', async () => {
      const { body } = await api.request('GET', kindNamed('ReplicaSet').collection)
      return (body as { items: { metadata: { name: string } }[] }).items.find(({ metadata }) =>
        metadata.name.startsWith('noisy-'),
      )
    })
    await waitFor('its pods', async () => {
      const pods = await api.pods('default')
      return pods.find(({ metadata }) => metadata?.generateName?.startsWith('noisy-') === true)
    })
    t.notMatch(await readFile(join(controlPlane.directory, 'kube-controller-manager.log'), 'utf8'), placementName)

    const owner = { apiVersion: 'serving.example.io/v1', kind: 'Inference', name: 'owner', uid: '0', controller: true }
    t.strictSame((await apply(api, deployment, { own: complete, annotations: {}, owner })).warnings, [])
  })

  await t.test('kubectl apply shows the warnings', async (t) => {
    const manifest = JSON.stringify({
      apiVersion: 'apps/v1',
      ...workload(deployment, { own: { source: 's3://models/llama/' }, annotations: {} }),
    })
    const args = ['--kubeconfig', controlPlane.kubeConfigFile, 'apply', '--dry-run=server', '-f', '-']
    const running = promisify(execFile)(await kubectlBinary(), args)
    running.child.stdin?.end(manifest)
    const { stdout, stderr } = await running
    t.match(stdout, /^deployment\.apps\/inference created \(server dry run\)/)
    t.match(
      stderr,
      /^Warning: .*models\.example\.io\/source does nothing on a Deployment: move it to spec\.template\.metadata\.annotations\n$/,
    )
  })

  await t.test('twenty models with every annotation stay within the cost limits', async (t) => {
    const { warnings } = await apply(api, deployment, {
      own: manyModels(),
      annotations: { ...manyModels(), sorce: 'x' },
    })
    t.strictSame(placementWarnings({ warnings }), [
      'models.example.io/sorce is not known: its pods will be denied. Known: source',
    ])
  })

  await t.test("it follows the operator's prefix and defaults", async (t) => {
    const config = {
      annotationPrefix: 'models.corp.example/',
      unknownAnnotations: 'warn',
      defaults: { delivery: 'mountpoint', 'read-only': false },
      loader: { imagePullSecrets: ['registry'] },
    }
    await installPlacement(api, { config })
    const tryIt = async (annotations: Annotations): Promise<readonly string[]> =>
      placementWarnings(await apply(api, deployment, { annotations, prefix: config.annotationPrefix }))

    t.strictSame(await tryIt({ source: 's3://models/llama/' }), [], 'a mountpoint by default')
    const reader = { ...complete, delivery: 'download', 'read-only': 'true', 'service-account': 'reader' }
    t.strictSame(await tryIt(reader), [
      'imagePullSecrets of service account reader are not used, as loaders bring others: write them into the template',
    ])
    const spec = { imagePullSecrets: [{ name: 'app' }] }
    t.strictSame(
      placementWarnings(await apply(api, deployment, { annotations: reader, prefix: config.annotationPrefix, spec })),
      [],
      'a list of its own is its own choice',
    )
    t.strictSame(await tryIt({ ...complete, delivery: 'download', sorce: 'x' }), [
      'models.corp.example/read-only is "false": set fsGroup or runAsUser in the template, or the app may fail to write',
      'models.corp.example/sorce is not known: it will be ignored. Known: source',
    ])
    t.strictSame(
      placementWarnings(await apply(api, deployment, { own: complete, annotations: {} })),
      [],
      'another prefix is not ours',
    )
  })
})

interface Written {
  /** Annotations of the workload itself; here and below without the prefix. */
  readonly own?: Annotations
  readonly annotations: Annotations
  /** Added to the pod's. */
  readonly spec?: object
  readonly name?: string
  readonly owner?: object
  readonly prefix?: string
  readonly dryRun?: boolean
}

async function apply(api: ApiClient, kind: WorkloadKind, written: Written): Promise<ApiResponse> {
  return api.request(
    'POST',
    `${kind.collection}${written.dryRun === false ? '' : '?dryRun=All'}`,
    workload(kind, written),
  )
}

function workload({ kind, make }: WorkloadKind, written: Written): Omit<ApiObject, 'apiVersion'> {
  const { own = {}, name = 'inference', owner, prefix } = written
  const metadata = {
    name,
    annotations: withPrefix(own, prefix),
    ...(owner !== undefined && { ownerReferences: [owner] }),
  }
  const restartPolicy = kind === 'Job' || kind === 'CronJob' ? 'Never' : 'Always'
  return { kind, metadata, spec: make(templateOf({ ...written, spec: { restartPolicy, ...written.spec } })) }
}

function templateOf({ annotations = {}, spec = {}, prefix }: Partial<Written>): object {
  const containers = [{ name: 'app', image: 'app:1' }]
  return {
    metadata: { labels: selector.matchLabels, annotations: withPrefix(annotations, prefix) },
    spec: { containers, ...spec },
  }
}

function withPrefix(annotations: Annotations, prefix = 'models.example.io/'): Annotations {
  return Object.fromEntries(Object.entries(annotations).map(([name, value]) => [prefix + name, value]))
}

function kindNamed(kind: string): WorkloadKind {
  return workloadKinds.find((candidate) => candidate.kind === kind)!
}

function nodeAffinity(): object {
  const matchExpressions = [{ key: 'node.models.example.io/0123456789abcdef', operator: 'Exists' }]
  return {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] } },
  }
}

function manyModels(): Annotations {
  const written = annotationNames.filter(
    (name) => table[name].scope === 'model' && !['claim', 'source', 'volume', 'read-only'].includes(name),
  )
  return Object.fromEntries(
    Array.from({ length: 20 }, (_, i) => `m${i}`).flatMap((name) => [
      [`source.${name}`, `s3://models/${name}/`],
      ...written.map((key) => [`${key}.${name}`, table[key].example]),
    ]),
  ) as Annotations
}
