/** The name of our configuration decides that the identity webhook of EKS sees the service account that we set. */
import t from 'tap'
import type { Pod } from '../../src/pod/pod.ts'
import { apiClient, type ApiClient, type ApiObject } from '../kit/cluster/api-client.ts'
import { startControlPlane } from '../kit/cluster/control-plane.ts'
import { eksWebhook } from '../kit/aws/eks-webhook.ts'
import { startForeignWebhook } from '../kit/cluster/foreign-webhook.ts'
import { waitFor } from '../kit/tools/wait-for.ts'
import { foreignConfiguration, ourConfiguration } from '../kit/cluster/webhook-configuration.ts'
import { startWebhook } from '../kit/webhook/webhook-process.ts'

// The first run on a machine builds the control plane from source.
const timeout = 45 * 60 * 1000
t.setTimeout(timeout)

const configurations = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'

t.test('before the identity webhook on a real API server', { timeout }, async (t) => {
  const controlPlane = await startControlPlane()
  t.teardown(() => controlPlane.stop())
  const api = await apiClient(controlPlane.kubeConfig)
  t.teardown(() => {
    api.close()
  })
  await api.create({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'model-reader', namespace: 'default' },
  })
  const directory = t.testdir({ ours: {}, eks: {} })
  const webhook = await startWebhook(`${directory}/ours`)
  t.teardown(() => webhook.stop())
  // As on EKS clusters where it is never called again.
  const eks = await startForeignWebhook(`${directory}/eks`, (pod) => eksWebhook(pod, { podIdentity: ['model-reader'] }))
  t.teardown(() => eks.close())
  await api.create(foreignConfiguration('pod-identity-webhook', eks, 'Never'))
  const ours = await ourConfiguration(webhook)
  await waitFor('the identity webhook to be called', async () => {
    await tryPod(api)
    return eks.seen.length > 0 ? true : undefined
  })

  await t.test('it sees our service account, and the loader gets its credentials', async (t) => {
    await api.create(ours)
    const pod = await waitFor('our webhook to be called', async () => injectedOnly(await tryPod(api)))
    t.equal(eks.seen.at(-1)?.spec.serviceAccountName, 'model-reader')
    t.strictSame(
      eks.seen.at(-1)?.spec.initContainers?.map(({ name }) => name),
      ['model-loader'],
    )
    t.strictSame(containersWithIdentity(pod), ['model-loader', 'app'])
    await remove(api, ours.metadata?.name ?? '')
  })

  await t.test('under a name that sorts after it, it would see the pod as the user wrote it', async (t) => {
    await api.create({ ...ours, metadata: { name: 'z-model-injector' } })
    await waitFor('our webhook to be called', async () => injectedOnly(await tryPod(api)))
    t.equal(eks.seen.at(-1)?.spec.serviceAccountName, 'default')
    t.notOk(eks.seen.at(-1)?.spec.initContainers)
  })
})

async function tryPod(api: ApiClient): Promise<Pod> {
  const annotations = { source: 's3://models/llama/', size: '1Gi', 'service-account': 'model-reader' }
  const pod: ApiObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'app',
      namespace: 'default',
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([key, value]) => [`models.example.io/${key}`, value]),
      ),
    },
    spec: { containers: [{ name: 'app', image: 'app:1' }] },
  }
  const { status, body } = await api.tryCreate(pod, { dryRun: true })
  if (status !== 201) throw new Error(JSON.stringify(body))
  return body as Pod
}

function injectedOnly(pod: Pod): Pod | undefined {
  return (pod.spec.initContainers ?? []).length > 0 ? pod : undefined
}

function containersWithIdentity({ spec }: Pod): string[] {
  return [...(spec.initContainers ?? []), ...spec.containers]
    .filter(({ volumeMounts }) => volumeMounts?.some(({ name }) => name === 'eks-pod-identity-token'))
    .map(({ name }) => name)
}

async function remove(api: ApiClient, name: string): Promise<void> {
  await api.request('DELETE', `${configurations}/${name}`)
  await waitFor(`${name} to be out of force`, async () =>
    injectedOnly(await tryPod(api)) === undefined ? true : undefined,
  )
}
