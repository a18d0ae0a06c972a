import t from 'tap'
import { defaultConfig } from '../../src/config/parse-config.ts'
import { digestsOf } from '../../src/inject/ownership/digest.ts'
import { inject } from '../../src/inject/inject.ts'
import type { Pod } from '../../src/pod/pod.ts'
import type { Status } from '../../src/inject/status.ts'
import { apiClient, type ApiClient, type ApiObject } from '../kit/cluster/api-client.ts'
import { readCases, readInjected } from '../kit/webhook/golden-corpus.ts'
import { missingFrom } from '../kit/webhook/contains.ts'
import { startControlPlane } from '../kit/cluster/control-plane.ts'
import { waitFor } from '../kit/tools/wait-for.ts'
import { ourConfiguration } from '../kit/cluster/webhook-configuration.ts'
import { startWebhook, type AdmissionLine, type WebhookProcess } from '../kit/webhook/webhook-process.ts'

// The first run on a machine builds the control plane from source.
const timeout = 45 * 60 * 1000
t.setTimeout(timeout)

const annotated = { 'models.example.io/source': 's3://models/llama/1.2.3/' }

/** The table of docs/troubleshooting.md. */
const limitRanges: readonly {
  readonly what: string
  readonly limits: object
  readonly resources?: object
  readonly annotations?: Readonly<Record<string, string>>
  readonly status: number
  readonly says: RegExp
}[] = [
  {
    what: 'a small default',
    limits: { default: { memory: '128Mi' } },
    status: 422,
    says: /models\.example\.io\/memory\]?.*192Mi/,
  },
  {
    what: 'a most of memory',
    limits: { max: { memory: '256Mi' } },
    status: 201,
    says: /"limits":\{[^}]*"memory":"256Mi"/,
  },
  {
    what: 'a least of memory above that of loaders',
    limits: { min: { memory: '1Gi' } },
    resources: { requests: { memory: '2Gi' }, limits: { memory: '2Gi' } },
    status: 403,
    says: /minimum memory usage per Container is 1Gi/,
  },
  {
    what: 'the same, and an annotation that asks for more',
    limits: { min: { memory: '1Gi' } },
    resources: { requests: { memory: '2Gi' }, limits: { memory: '2Gi' } },
    annotations: { 'models.example.io/memory': '1Gi' },
    status: 201,
    says: /"memory":"1Gi"/,
  },
  {
    what: 'a most of ephemeral-storage below the model',
    limits: { max: { 'ephemeral-storage': '5Gi' } },
    annotations: { 'models.example.io/size': '10Gi' },
    status: 403,
    says: /maximum ephemeral-storage usage per Container is 5Gi/,
  },
]

t.test('on a real API server', { timeout }, async (t) => {
  const controlPlane = await startControlPlane()
  t.teardown(() => controlPlane.stop())
  const api = await apiClient(controlPlane.kubeConfig)
  t.teardown(() => {
    api.close()
  })
  const webhook = await startWebhook(t.testdir())
  t.teardown(() => webhook.stop())
  await installWebhook(api, webhook)

  await t.test("the seed's Deployment gets its model, and the stored pod is what the golden case says", async (t) => {
    const seed = readCases().find(({ name }) => name === 'the-deployment-of-the-guide-needs-only-annotations')!
    const deployment = seed.manifest as unknown as Deployment
    const golden = readInjected(seed) as unknown as Deployment
    const { namespace } = deployment.metadata
    await api.createNamespace(namespace)
    await api.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'my-inference-app', namespace } })

    await api.create(deployment)
    const pod = await waitFor('the pod of the Deployment', async () => (await api.pods(namespace))[0])

    t.strictSame(missingFrom(pod, asStored(golden.spec.template)), [])
    t.strictSame(
      pod.spec.initContainers?.map(({ name }) => name),
      ['model-loader'],
    )
    t.strictSame(ownVolumes(pod), ['model-data', 'model-tmp', 'eks-pod-identity-token'])
    // The ServiceAccount plugin mounts its token into the new container, so the webhook is asked a second time.
    const admissions = await waitFor('both passes in the log', () => Promise.resolve(twoAdmissions(webhook, namespace)))
    t.strictSame(
      admissions.map(({ outcome, reason }) => [outcome, reason]),
      [
        ['injected', 'Injected'],
        ['skipped', 'AlreadyInjected'],
      ],
    )
  })

  await t.test('an unannotated pod never reaches the webhook', async (t) => {
    await api.createNamespace('unannotated')
    const before = webhook.admissions().length

    await api.create(podIn('unannotated', 'plain', {}))
    await api.create(podIn('unannotated', 'foreign', { 'prometheus.io/scrape': 'true' }))
    await api.create(podIn('unannotated', 'opted-out', { ...annotated, 'models.example.io/inject': 'false' }))

    t.equal(webhook.admissions().length, before)
  })

  await t.test('a mistake is refused with every diagnostic, and nothing is stored', async (t) => {
    await api.createNamespace('mistakes')
    const response = await api.tryCreate(
      podIn('mistakes', 'wrong', {
        ...annotated,
        'models.example.io/size': '10Gx',
        'models.example.io/containers': 'ap',
      }),
    )

    t.equal(response.status, 422)
    const { message } = response.body as { message: string }
    t.match(message, /metadata\.annotations\[models\.example\.io\/size\]: "10Gx" is not a Kubernetes quantity/)
    t.match(
      message,
      /metadata\.annotations\[models\.example\.io\/containers\]: "ap" is no container of the pod; accepted: app/,
    )
    t.strictSame(await api.pods('mistakes'), [])
  })

  await t.test('a dry run answers with the injected pod and stores nothing', async (t) => {
    await api.createNamespace('dry-run')
    const response = await api.tryCreate(podIn('dry-run', 'tried', annotated), { dryRun: true })

    t.equal(response.status, 201)
    t.strictSame(
      (response.body as Pod).spec.initContainers?.map(({ name }) => name),
      ['model-loader'],
    )
    t.strictSame(await api.pods('dry-run'), [])
  })

  await t.test('warnings arrive at the client', async (t) => {
    await api.createNamespace('warnings')
    const { warnings } = await api.create(podIn('warnings', 'unsized', annotated))

    t.ok(
      warnings.some((warning) => warning.includes('without expect')),
      warnings.join('\n'),
    )
    t.ok(
      warnings.some((warning) => warning.includes('without size')),
      warnings.join('\n'),
    )
  })

  await t.test('a namespace that enforces the restricted Pod Security Standard accepts the injected pod', async (t) => {
    await api.createNamespace('restricted', { 'pod-security.kubernetes.io/enforce': 'restricted' })
    const pod = podIn('restricted', 'app', annotated)
    const { status, body } = await api.tryCreate({
      ...pod,
      spec: { ...(pod.spec as object), securityContext: restrictedPod, containers: [restrictedContainer] },
    })
    t.equal(status, 201, JSON.stringify(body))
    t.equal((body as Pod).spec.initContainers?.[0]?.name, 'model-loader')

    const loose = await api.tryCreate(podIn('restricted', 'loose', {}))
    t.equal(loose.status, 403, 'the standard is in force')
  })

  await t.test('a namespace with a ResourceQuota and a LimitRange accepts the injected pod', async (t) => {
    await api.createNamespace('quota')
    const hard = {
      'requests.cpu': '4',
      'limits.cpu': '4',
      'requests.memory': '4Gi',
      'limits.memory': '4Gi',
      'requests.ephemeral-storage': '100Gi',
      'limits.ephemeral-storage': '100Gi',
    }
    await api.create({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'quota', namespace: 'quota' },
      spec: { hard },
    })
    await waitFor('the quota to be counted', async () => {
      const { body } = await api.request('GET', '/api/v1/namespaces/quota/resourcequotas/quota')
      return (body as { status?: { hard?: object } }).status?.hard === undefined ? undefined : true
    })
    const pod = podIn('quota', 'app', { ...annotated, 'models.example.io/size': '10Gi' })
    const resources = {
      requests: { cpu: '1', memory: '1Gi', 'ephemeral-storage': '1Gi' },
      limits: { cpu: '2', memory: '1Gi', 'ephemeral-storage': '2Gi' },
    }
    const { status, body } = await api.tryCreate({
      ...pod,
      spec: { containers: [{ name: 'app', image: 'app:1', resources }] },
    })
    t.equal(status, 201, JSON.stringify(body))

    const bare = await api.tryCreate(podIn('quota', 'bare', {}))
    t.equal(bare.status, 403, 'the quota is in force')

    const limits = [
      {
        type: 'Container',
        default: { cpu: '1', memory: '512Mi', 'ephemeral-storage': '1Gi' },
        defaultRequest: { cpu: '500m', memory: '512Mi', 'ephemeral-storage': '1Gi' },
      },
    ]
    await api.create({
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'limits', namespace: 'quota' },
      spec: { limits },
    })
    const defaulted = await waitFor('the LimitRange to be in force', async () => {
      const response = await api.tryCreate(
        podIn('quota', 'defaulted', { ...annotated, 'models.example.io/size': '1Gi' }),
      )
      return response.status === 201 ? response : undefined
    })
    t.strictSame(
      (defaulted.body as Pod).spec.initContainers?.map(({ name }) => name),
      ['model-loader'],
    )
  })

  await t.test('pull secrets of a named service account reach a pod that has none, and no other', async (t) => {
    await api.createNamespace('accounts')
    const account = {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'reader', namespace: 'accounts' },
      imagePullSecrets: [{ name: 'of-reader' }],
    }
    await api.create(account)
    const named = podIn('accounts', 'app', { ...annotated, 'models.example.io/service-account': 'reader' })
    const empty = await api.create(named)
    t.strictSame((empty.body as Pod).spec.imagePullSecrets, [{ name: 'of-reader' }])
    t.notMatch(empty.warnings.join('\n'), /imagePullSecrets/)

    const imagePullSecrets = [{ name: 'own' }]
    const other = {
      ...named,
      metadata: { ...named.metadata, name: 'other' },
      spec: { ...(named.spec as object), imagePullSecrets },
    }
    const listed = await api.create(other)
    t.strictSame((listed.body as Pod).spec.imagePullSecrets, imagePullSecrets)
    t.match(listed.warnings.join('\n'), /imagePullSecrets of service account reader are not used/)
  })

  for (const { what, limits, resources, annotations, status, says } of limitRanges) {
    await t.test(`a LimitRange with ${what}: ${says}`, async (t) => {
      const namespace = `limits-${limitRanges.findIndex((one) => one.what === what)}`
      await api.createNamespace(namespace)
      await api.create({
        apiVersion: 'v1',
        kind: 'LimitRange',
        metadata: { name: 'limits', namespace },
        spec: { limits: [{ type: 'Container', ...limits }] },
      })
      const pod = podIn(namespace, 'app', { ...annotated, ...annotations })
      const containers = [{ name: 'app', image: 'app:1', resources }]
      const response = await waitFor('the LimitRange to be in force', async () => {
        const found = await api.tryCreate({ ...pod, spec: { containers } }, { dryRun: true })
        return found.status === status ? found : undefined
      })
      const { message, spec } = response.body as { message?: string } & Partial<Pod>
      t.match(message ?? JSON.stringify(spec?.initContainers?.[0]?.resources), says)
    })
  }

  await t.test('pods that ask for thousands of models are denied, and hold up no other', async (t) => {
    await api.createNamespace('crowd')
    const sources = Array.from({ length: 5600 }, (_, i) => [`models.example.io/source.m${i}`, `s3://models/m${i}/`])
    const greedy = podIn('crowd', 'greedy', Object.fromEntries(sources) as Record<string, string>)
    t.ok(JSON.stringify(greedy).length > 275_000)

    const [denials, ordinary] = await Promise.all([
      Promise.all(Array.from({ length: 4 }, () => api.tryCreate(greedy, { dryRun: true }))),
      Promise.all(Array.from({ length: 20 }, (_, i) => api.tryCreate(podIn('crowd', `app-${i}`, annotated)))),
    ])

    t.strictSame(
      denials.map(({ body }) => (body as { message: string }).message.split('\n').slice(1)),
      denials.map(() => [
        'metadata.annotations: "5600 models" is more than one pod may ask for; accepted: at most 32 (limits.models of the operator\'s configuration); use fewer, or spread them over several pods',
      ]),
    )
    t.strictSame(
      ordinary.map(({ status }) => status),
      ordinary.map(() => 201),
    )
  })

  await t.test('while the webhook is away', async (t) => {
    await api.createNamespace('outage')
    await webhook.stop()

    await t.test('unannotated pods are created', async (t) => {
      t.equal((await api.tryCreate(podIn('outage', 'plain', {}))).status, 201)
      t.equal((await api.tryCreate(podIn('outage', 'foreign', { 'prometheus.io/scrape': 'true' }))).status, 201)
      t.equal(
        (await api.tryCreate(podIn('outage', 'opted-out', { ...annotated, 'models.example.io/inject': 'false' })))
          .status,
        201,
      )
    })

    await t.test('an annotated pod is refused, never stored without its model', async (t) => {
      const { status, body } = await api.tryCreate(podIn('outage', 'annotated', annotated))
      t.equal(status, 500)
      t.match((body as { message: string }).message, /failed calling webhook "pods\.models\.example\.io"/)
      t.notOk((await api.pods('outage')).some(({ metadata }) => metadata?.name === 'annotated'))
    })
  })
})

interface Deployment extends ApiObject {
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly spec: { readonly template: Pod }
}

const restrictedPod = { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } }
const restrictedContainer = {
  name: 'app',
  image: 'app:1',
  securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
}

/** Applied, and in force: the API server learns of a configuration a moment later. */
async function installWebhook(api: ApiClient, webhook: WebhookProcess): Promise<void> {
  await api.create(await ourConfiguration(webhook))
  await waitFor('the webhook to be called', async () => {
    const { body } = await api.tryCreate(podIn('default', 'probe', annotated), { dryRun: true })
    return inject(body, 'default', defaultConfig).outcome === 'skipped' ? true : undefined
  })
}

/** The ServiceAccount plugin runs before every webhook, so what was replaced is the service account `default`. */
function asStored(template: Pod): Pod {
  const { 'models.example.io/status': status = '', ...annotations } = template.metadata?.annotations ?? {}
  const replaced = { serviceAccountName: 'default', serviceAccount: 'default' }
  const stored: Status = { ...(JSON.parse(status) as Status), replaced }
  const sealed = JSON.stringify({ ...stored, digests: digestsOf(template, stored) })
  return {
    ...template,
    metadata: { ...template.metadata, annotations: { ...annotations, 'models.example.io/status': sealed } },
  }
}

function twoAdmissions(webhook: WebhookProcess, namespace: string): readonly AdmissionLine[] | undefined {
  const lines = webhook.admissions().filter((line) => line.namespace === namespace)
  return lines.length === 2 ? lines : undefined
}

function podIn(namespace: string, name: string, annotations: Record<string, string>): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, annotations },
    spec: { containers: [{ name: 'app', image: 'app:1' }] },
  }
}

function ownVolumes(pod: Pod): readonly string[] {
  return (pod.spec.volumes ?? []).map(({ name }) => name).filter((name) => !name.startsWith('kube-api-access-'))
}
