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
    const line = /^metadata\.annotations\[models\.example\.io\/size\]: "10Gx" is not a Kubernetes quantity/
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
