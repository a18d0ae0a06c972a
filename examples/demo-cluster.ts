/**
 * The main job on a real API server: etcd, kube-apiserver and kube-controller-manager run on loopback, the annotated
 * Deployment is applied, its controller makes the pod, the API server calls the webhook, and the stored pod is shown.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { styleText } from 'node:util'
import { parse, stringify } from 'yaml'
import type { Pod } from '../src/inject/pod.ts'
import { apiClient, type ApiClient, type KubernetesObject } from '../test/support/api-client.ts'
import { startControlPlane } from '../test/support/control-plane.ts'
import { waitFor } from '../test/support/wait-for.ts'
import { ourConfiguration } from '../test/support/webhook-configuration.ts'
import { startWebhook } from '../test/support/webhook-process.ts'

const startedAt = performance.now()
const namespace = 'apps'
const directory = mkdtempSync(join(tmpdir(), 'model-injector-demo-'))
mkdirSync(join(directory, 'webhook'))
const deployment = parse(readFileSync(join(import.meta.dirname, 'deployment.yaml'), 'utf8')) as KubernetesObject

step('starting etcd, kube-apiserver and kube-controller-manager')
const controlPlane = await startControlPlane()
const api = await apiClient(controlPlane.kubeConfig)
step('starting the webhook and applying deploy/webhook-configuration.yaml')
const webhook = await startWebhook(join(directory, 'webhook'))
try {
  await api.create(await ourConfiguration(webhook))
  await api.createNamespace(namespace)
  await api.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'my-inference-app', namespace } })
  step('applying examples/deployment.yaml')
  await api.create(deployment)
  const pod = await waitFor('the pod of the Deployment', async () => (await api.pods(namespace))[0], { timeoutSeconds: 30 })
  show(pod)
  await showRefusal(api)
} finally {
  await webhook.stop()
  api.close()
  await controlPlane.stop()
  rmSync(directory, { recursive: true })
}

function show(pod: Pod): void {
  const { initContainers, containers, volumes, serviceAccountName } = pod.spec
  const mounts = containers.map(({ name, volumeMounts }) => ({ name, volumeMounts }))
  step(`the pod that is stored, ${pod.metadata?.name ?? ''}, its injected parts`)
  process.stdout.write(stringify({ serviceAccountName, initContainers, containers: mounts, volumes }, { lineWidth: 0 }))
}

async function showRefusal(client: ApiClient): Promise<void> {
  step('a pod with a misspelt annotation')
  const { status, body } = await client.tryCreate({
    apiVersion: 'v1', kind: 'Pod',
    metadata: { name: 'misspelt', namespace, annotations: { 'models.example.io/sauce': 's3://my-ml-bucket/llama/' } },
    spec: { containers: [{ name: 'app', image: 'app:1' }] },
  })
  process.stdout.write(styleText('red', `${status}: ${(body as { message: string }).message}\n`))
}

function step(text: string): void {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  process.stdout.write(`\n${styleText('bold', `[${seconds} s] ${text}`)}\n`)
}
