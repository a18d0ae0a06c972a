/**
 * Pods that are created at once on a real API server, with the webhook and without, by turns: how long each create call
 * takes until the pod is stored, and what becomes of every pod. Root and Linux only; the first run builds the control plane.
 *
 * node bench/pod-creation.ts [--pods N] [--rounds N]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { apiClient, type ApiClient, type ApiObject } from '../test/kit/cluster/api-client.ts'
import { hasModel } from '../test/kit/cluster/cluster-load.ts'
import { startControlPlane } from '../test/kit/cluster/control-plane.ts'
import { ourConfiguration } from '../test/kit/cluster/webhook-configuration.ts'
import { waitFor } from '../test/kit/tools/wait-for.ts'
import { startWebhook } from '../test/kit/webhook/webhook-process.ts'
import { cpuMicrosecondsOf } from './machine.ts'

interface Created {
  readonly milliseconds: number
  readonly outcome: 'injected' | 'not injected' | 'lost'
  /** Times that the API server asked to come again later. */
  readonly again: number
}

const configurations = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'
const { values: options } = parseArgs({
  options: { pods: { type: 'string', default: '1000' }, rounds: { type: 'string', default: '3' } },
})
const directory = mkdtempSync(join(tmpdir(), 'model-injector-bench-'))
const controlPlane = await startControlPlane()
const webhook = await startWebhook(directory)
const api = await apiClient(controlPlane.kubeConfig)
try {
  const configuration = await ourConfiguration(webhook)
  process.stdout.write(
    '| webhook | pods | injected | not injected | lost | asked to come again | median ms | p99 ms | all within s | CPU of the webhook, ms a pod |\n|---|---|---|---|---|---|---|---|---|---|\n',
  )
  for (let round = 1; round <= Number(options.rounds); round++) {
    await removeWebhook(configuration)
    await measure('no', `without-${round}`)
    await api.create(configuration)
    await whenInjected(true)
    await measure('yes', `with-${round}`)
  }
} finally {
  api.close()
  await webhook.stop()
  await controlPlane.stop()
  rmSync(directory, { recursive: true })
}

async function measure(called: string, namespace: string): Promise<void> {
  await api.createNamespace(namespace)
  const [startedAt, cpuBefore] = [performance.now(), cpuMicrosecondsOf(webhook.pid)]
  const created = await Promise.all(
    Array.from({ length: Number(options.pods) }, (_, i) => createPod(api, podIn(namespace, `pod-${i}`))),
  )
  const cpuMs = (cpuMicrosecondsOf(webhook.pid) - cpuBefore) / 1000
  const seconds = (performance.now() - startedAt) / 1000
  const times = created.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b)
  const count = (outcome: Created['outcome']): number => created.filter((one) => one.outcome === outcome).length
  const cells = [
    called,
    created.length,
    count('injected'),
    count('not injected'),
    count('lost'),
    created.reduce((sum, { again }) => sum + again, 0),
    (times[Math.floor(times.length / 2)] ?? 0).toFixed(0),
    (times[Math.floor(times.length * 0.99)] ?? 0).toFixed(0),
    seconds.toFixed(1),
    (cpuMs / created.length).toFixed(2),
  ]
  process.stdout.write(`| ${cells.join(' | ')} |\n`)
}

/** Comes again after a second where the API server has too much to do (429), as its clients do. */
async function createPod(api: ApiClient, pod: ApiObject): Promise<Created> {
  const startedAt = performance.now()
  for (let again = 0; ; again++) {
    const { status, body } = await api
      .tryCreate(pod)
      .catch((error: unknown) => ({ status: 0, body: error instanceof Error ? error.message : error }))
    if (status === 429) {
      await sleep(1000)
      continue
    }
    const text = JSON.stringify(body)
    if (status !== 201) process.stderr.write(`${status} ${text.slice(0, 300)}\n`)
    const outcome = status !== 201 ? 'lost' : hasModel(text) ? 'injected' : 'not injected'
    return { milliseconds: performance.now() - startedAt, outcome, again }
  }
}

async function removeWebhook({ metadata }: ApiObject): Promise<void> {
  await api.request('DELETE', `${configurations}/${metadata?.name ?? ''}`)
  await whenInjected(false)
}

/** The API server reads a changed configuration some time later. */
async function whenInjected(expected: boolean): Promise<void> {
  await waitFor('the webhook to be called, or not', async () => {
    const { body } = await api.tryCreate(podIn('default', 'probe'), { dryRun: true })
    return hasModel(JSON.stringify(body)) === expected ? true : undefined
  })
}

function podIn(namespace: string, name: string): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      annotations: {
        'models.example.io/source': 's3://models/llama/',
        'models.example.io/size': '1Gi',
        'models.example.io/expect': 'objects=1',
      },
    },
    spec: { containers: [{ name: 'app', image: 'registry.example.com/app:1' }] },
  }
}
