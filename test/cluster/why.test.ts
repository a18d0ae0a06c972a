/** `why` on a real API server: its answers before and after pods are created, compared with the pods that really result. */
import t from 'tap'
import { matchConditions } from '../../src/match-conditions.ts'
import type { Explanation } from '../../src/check/why/explain.ts'
import { runCLI } from '../integration/cli/run-cli.ts'
import { apiClient, type ApiClient, type ApiObject } from '../kit/cluster/api-client.ts'
import { startControlPlane } from '../kit/cluster/control-plane.ts'
import { waitFor } from '../kit/tools/wait-for.ts'
import { ourConfiguration } from '../kit/cluster/webhook-configuration.ts'
import { startWebhook } from '../kit/webhook/webhook-process.ts'

// The first run on a machine builds the control plane from source.
const timeout = 45 * 60 * 1000
t.setTimeout(timeout)

const configuration = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/model-injector'
const annotated = {
  'models.example.io/source': 's3://models/llama/',
  'models.example.io/size': '1Gi',
  'models.example.io/expect': 'objects=1',
}

t.test('in a cluster', { timeout }, async (t) => {
  const controlPlane = await startControlPlane()
  t.teardown(() => controlPlane.stop())
  const api = await apiClient(controlPlane.kubeConfig)
  t.teardown(() => {
    api.close()
  })
  const webhook = await startWebhook(t.testdir({}))
  t.teardown(() => webhook.stop())
  const explain = async (
    args: readonly string[],
    stdin = '',
  ): Promise<{ code: number | null; explanation: Explanation }> => {
    const { code, stdout, stderr } = await runCLI(
      ['why', ...args, '-o', 'json', '--kubeconfig', controlPlane.kubeConfigFile],
      { stdin },
    )
    if (stdout === '') throw new Error(stderr)
    return { code, explanation: (JSON.parse(stdout) as [Explanation])[0] }
  }
  const manifest = (annotations: Record<string, string>): string =>
    JSON.stringify({ ...podOf('hypothetical', annotations), metadata: { name: 'hypothetical', annotations } })

  await t.test('without the webhook nothing is injected, which is said', async (t) => {
    const { code, explanation } = await explain(['-f', '-'], manifest(annotated))
    t.equal(code, 1)
    t.match(explanation, { verdict: 'not injected', because: /nothing is injected in this cluster/ })
  })

  const { body: early } = await api.create(podOf('early', annotated))
  // The API server's times are of whole seconds.
  await waitFor('another second', () => Promise.resolve(Date.now() >= createdAt(early) + 1000 ? true : undefined))
  await api.create(await ourConfiguration(webhook))
  await waitFor('the webhook to be called', async () => (isInjected(await tried(api, annotated)) ? true : undefined))

  await t.test('a hypothetical pod would be injected, and the API server says so too', async (t) => {
    const { code, explanation } = await explain(['-f', '-', '--server'], manifest(annotated))
    t.equal(code, 0)
    t.strictSame(
      explanation.steps.map(({ id, verdict }) => [id, verdict]),
      [
        ['registration', 'passes'],
        ['namespace-selector', 'passes'],
        ['object-selector', 'passes'],
        ['match-conditions', 'passes'],
        ['opt-out', 'passes'],
        ['annotations', 'passes'],
        ['policy', 'passes'],
        ['outcome', 'passes'],
        ['dry-run', 'passes'],
      ],
    )
    t.equal((await api.pods('default')).length, 1, 'nothing was stored')
  })

  await t.test('a denial of the webhook is printed word for word, by the core and by the API server', async (t) => {
    const { code, explanation } = await explain(
      ['-f', '-', '--server'],
      manifest({ ...annotated, 'models.example.io/size': '10Gx' }),
    )
    t.equal(code, 1)
    t.equal(explanation.verdict, 'denied')
    const line = /^stdin:1:\d+: metadata\.annotations\[models\.example\.io\/size\]: "10Gx" is not a Kubernetes quantity/
    t.match(explanation.steps.find(({ id }) => id === 'annotations')?.details[0], line)
    t.match(
      explanation.steps.find(({ id }) => id === 'dry-run'),
      { verdict: 'stops', what: /denied the request/ },
    )
  })

  await t.test('a pod that is there was injected, and by which version', async (t) => {
    await api.create(podOf('whole', annotated))
    const { code, explanation } = await explain(['whole'])
    t.equal(code, 0)
    t.match(explanation, {
      live: true,
      verdict: 'injected',
      because: /^model <- s3:\/\/models\/llama\/ at \/models\/model \(by version /,
    })
    t.match(
      (await explain(['whole', '--server'])).explanation.steps.at(-1),
      { id: 'dry-run', verdict: 'passes' },
      'a copy of it is allowed, too',
    )
  })

  await t.test('a pod that is older than the webhook is reported as such', async (t) => {
    const { code, explanation } = await explain(['early', '-n', 'default'])
    t.equal(code, 1)
    t.match(explanation, { live: true, verdict: 'not injected', because: 'it would be if it were created now' })
    t.match(explanation.hints, [/^it was created before the webhook was installed/])
  })

  await t.test('a namespace that is left out decides before everything else', async (t) => {
    const { explanation } = await explain(['-f', '-', '-n', 'kube-system', '--server'], manifest(annotated))
    t.match(explanation, { verdict: 'not injected', because: 'the namespace kube-system is left out' })
    t.match(explanation.steps.at(-1), { id: 'dry-run', verdict: 'stops', what: /as it is, without a model/ })
  })

  await t.test('--server reports a refusal by others', async (t) => {
    await api.createNamespace('strict', { 'pod-security.kubernetes.io/enforce': 'restricted' })
    const { explanation } = await explain(['-f', '-', '-n', 'strict', '--server'], manifest(annotated))
    t.match(explanation, {
      verdict: 'not injected',
      because: /^the API server refuses the pod: .*violates PodSecurity "restricted/,
    })
  })

  await t.test('a live pod says how its loader is, by its status and its events', async (t) => {
    await api.create(placed(podOf('failing', annotated)))
    await patchStatus(api, '/api/v1/namespaces/default/pods/failing', {
      phase: 'Pending',
      initContainerStatuses: [
        {
          ...container('model-loader'),
          restartCount: 4,
          state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 5m0s' } },
          lastState: {
            terminated: {
              exitCode: 10,
              reason: 'Error',
              message: 'access denied: s3://models/llama/: AccessDenied; ask those who own the bucket (exit 10)',
              startedAt: '2026-01-11T09:00:00Z',
              finishedAt: '2026-01-11T09:00:02Z',
            },
          },
        },
      ],
      containerStatuses: [{ ...container('app'), state: { waiting: { reason: 'PodInitializing' } } }],
    })
    const failing = await explain(['failing'])
    t.equal(failing.code, 1)
    t.match(failing.explanation, {
      verdict: 'injected',
      state: {
        health: 'wrong',
        what: 'its loader fails: access denied (exit 10)',
        findings: [{ id: 'pod-loader', remedy: 'ask those who own the bucket' }],
      },
    })

    await api.create(placed(podOf('mounting', annotated)))
    await createEvent(api, await read(api, '/api/v1/namespaces/default/pods/mounting'), 'FailedMount', 'no such volume')
    await createEvent(api, await read(api, '/api/v1/namespaces/default/pods/failing'), 'FailedMount', 'of another pod')
    const mounting = await explain(['mounting'])
    t.equal(mounting.code, 1)
    t.match(mounting.explanation.state, {
      what: 'its volumes cannot be mounted: FailedMount',
      findings: [{ id: 'pod-volumes', what: /^FailedMount .*: no such volume$/ }],
    })
  })

  await t.test('an object without pods is explained by the refusal that its controller got', async (t) => {
    const refused = async (kind: string, namespace: string, pod: object): Promise<Explanation> => {
      const group = kind === 'Job' ? 'batch' : 'apps'
      const name = `refused-${kind.toLowerCase()}-${namespace}`
      const { selector, template } = templateOf(name, {
        ...annotated,
        ...(pod as { annotations?: object }).annotations,
      })
      const spec = { ...template.spec, ...(pod as { spec?: object }).spec }
      await post(api, `/apis/${group}/v1/namespaces/${namespace}/${kind.toLowerCase()}s`, {
        apiVersion: `${group}/v1`,
        kind,
        metadata: { name, namespace },
        spec: { ...(kind === 'Job' ? {} : { selector }), template: { ...template, spec } },
      })
      return waitFor('the controller to be refused', async () => {
        const { code, explanation } = await explain([kind, name, '-n', namespace])
        return code === 1 && explanation.state?.health === 'wrong' ? explanation : undefined
      })
    }
    t.match(await refused('Deployment', 'default', { annotations: { 'models.example.io/size': '10Gx' } }), {
      verdict: 'denied',
      state: {
        what: /^no pods: the admission webhook ".*" denies them$/,
        findings: [
          {
            id: 'workload-pods',
            what: /^replicaset\/.*: FailedCreate .*denied the request: /,
            details: [/"10Gx" is not a Kubernetes quantity/],
          },
        ],
      },
    })
    t.match(await refused('Job', 'strict', { spec: { restartPolicy: 'Never' } }), {
      state: { what: 'no pods: Pod Security "restricted:latest" denies them', findings: [{ what: /^job\/refused/ }] },
    })
    t.match(await refused('StatefulSet', 'default', { spec: { serviceAccountName: 'nobody' } }), {
      state: { what: 'no pods: their service account is not there', findings: [{ what: /^statefulset\/refused/ }] },
    })
  })

  await t.test('the pods of a custom resource are found by what the API server serves', async (t) => {
    await post(api, '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', rayClusters)
    const cluster = {
      apiVersion: 'ray.io/v1',
      kind: 'RayCluster',
      metadata: { name: 'chat', namespace: 'default' },
      spec: { headGroupSpec: { template: templateOf('head', annotated).template } },
    }
    const owner = await waitFor('the kind to be served', async () => {
      const { status, body } = await api.request('POST', '/apis/ray.io/v1/namespaces/default/rayclusters', cluster)
      return status === 201 ? (body as ApiObject) : undefined
    })
    const head = podOf('chat-head', annotated)
    await api.create({ ...head, metadata: { ...head.metadata, ownerReferences: [ownerOf(owner)] } })
    for (const name of [['raycluster/chat'], ['rayclusters.ray.io', 'chat'], ['raycl', 'chat']]) {
      const explanation = await waitFor('the kind to be known', async () =>
        explain(name).then(
          (answer) => answer.explanation,
          () => undefined,
        ),
      )
      t.match(explanation, {
        title: 'raycluster/chat',
        verdict: 'injected',
        state: { health: 'starting', what: '1 of 1 pods: injected, and it waits for a scheduler', pods: { count: 1 } },
      })
    }
    const { code, stderr } = await runCLI(['why', 'rayclustr/x', '--kubeconfig', controlPlane.kubeConfigFile])
    t.equal(code, 2)
    t.match(stderr, /did you mean raycluster\?/)
  })

  await t.test('CEL of others is not evaluated here, but by the API server', async (t) => {
    const foreign = { name: 'none-at-all', expression: 'false' }
    const ours = matchConditions('models.example.io/').map(({ name, expression }) => ({ name, expression }))
    await patchConfiguration(api, { matchConditions: [...ours, foreign] })
    await waitFor('the condition to be in force', async () =>
      isInjected(await tried(api, annotated)) ? undefined : true,
    )
    const here = await explain(['-f', '-'], manifest(annotated))
    t.match(here.explanation, { verdict: 'injected' })
    t.match(
      here.explanation.steps.find(({ id }) => id === 'match-conditions'),
      { verdict: 'unknown', what: /^none-at-all: / },
    )
    const there = await explain(['-f', '-', '--server'], manifest(annotated))
    t.equal(there.code, 1)
    t.match(there.explanation, { verdict: 'not injected', because: /as it is, without a model/ })
  })
})

function podOf(name: string, annotations: Record<string, string>): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', annotations },
    spec: { containers: [{ name: 'app', image: 'app:1' }] },
  }
}

function placed(pod: ApiObject): ApiObject {
  return { ...pod, spec: { ...(pod.spec as object), nodeName: 'node-1' } }
}

function container(name: string): object {
  return { name, image: 'x', imageID: '', ready: false, restartCount: 0 }
}

interface Template {
  readonly selector: object
  readonly template: { readonly metadata: object; readonly spec: object }
}

function templateOf(app: string, annotations: Record<string, string>): Template {
  const labels = { app }
  return {
    selector: { matchLabels: labels },
    template: { metadata: { labels, annotations }, spec: { containers: [{ name: 'app', image: 'app:1' }] } },
  }
}

const rayClusters = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'rayclusters.ray.io' },
  spec: {
    group: 'ray.io',
    scope: 'Namespaced',
    names: { plural: 'rayclusters', singular: 'raycluster', kind: 'RayCluster', shortNames: ['raycl'] },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
}

function ownerOf({ apiVersion, kind, metadata = {} }: ApiObject): object {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true }
}

async function read(api: ApiClient, path: string): Promise<ApiObject> {
  return (await api.request('GET', path)).body as ApiObject
}

async function post(api: ApiClient, path: string, object: object): Promise<ApiObject> {
  const { status, body } = await api.request('POST', path, object)
  if (status !== 201) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`)
  return body as ApiObject
}

async function patchStatus(api: ApiClient, path: string, status: object): Promise<void> {
  const answer = await api.request('PUT', `${path}/status`, { ...(await read(api, path)), status })
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
}

async function createEvent(api: ApiClient, about: ApiObject, reason: string, message: string): Promise<void> {
  const { apiVersion, kind, metadata = {} } = about
  await post(api, '/api/v1/namespaces/default/events', {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { generateName: 'why-', namespace: 'default' },
    type: 'Warning',
    reason,
    message,
    count: 3,
    lastTimestamp: '2026-01-11T09:12:44Z',
    involvedObject: { apiVersion, kind, name: metadata.name, namespace: metadata.namespace, uid: metadata.uid },
  })
}

async function tried(api: ApiClient, annotations: Record<string, string>): Promise<unknown> {
  return (await api.tryCreate(podOf('probe', annotations), { dryRun: true })).body
}

function createdAt(pod: unknown): number {
  return Date.parse((pod as { metadata: { creationTimestamp: string } }).metadata.creationTimestamp)
}

function isInjected(pod: unknown): boolean {
  return JSON.stringify(pod).includes('model-loader')
}

async function patchConfiguration(api: ApiClient, change: object): Promise<void> {
  const { body } = await api.request('GET', configuration)
  const current = body as ApiObject & { webhooks: readonly object[] }
  await api.request('PUT', configuration, {
    ...current,
    webhooks: current.webhooks.map((webhook) => ({ ...webhook, ...change })),
  })
}
