/**
 * While a hundred annotated pods per second are created, replicas come and go, the certificate is
 * renewed and the configuration changes, no admission is lost. If one is lost, as on a crash, no pod is created without its
 * model.
 */
import t, { type Test } from 'tap'
import type { ApiObject } from '../kit/cluster/api-client.ts'
import {
  installChart,
  RELEASE,
  replicaMetric,
  upgradeChart,
  WEBHOOK_NAMESPACE,
  webhookPods,
  whenReplicasReady,
} from '../kit/cluster/cluster-chart.ts'
import { describeLoad, hasModel, startLoad, type LoadResult, type RunningLoad } from '../kit/cluster/cluster-load.ts'
import { clusterTest } from '../kit/cluster/cluster-namespaces.ts'
import { prepareCluster, startCluster, type TestCluster } from '../kit/cluster/cluster.ts'
import {
  everyReplica,
  killReplica,
  readSecret,
  readTlsSecret,
  renewAuthority,
  renewCertificate,
  servedSerials,
  whenGone,
  whenStartedAgain,
  writeTlsSecret,
} from '../kit/cluster/outage.ts'
import { waitFor } from '../kit/tools/wait-for.ts'

const PER_SECOND = 100
/** An API server that calls a webhook which is not there waits as long as this. */
const webhookTimeoutMs = 5000
/** Sent before an event begins and after it has ended. */
const AROUND = 2 * PER_SECOND
const MISTAKE_EVERY = 20
/** Number of pods of a Deployment that is made while a replica is away. */
const CONTROLLED = 100
const annotations = {
  'models.example.io/source': 's3://models/llama/',
  'models.example.io/size': '1Gi',
  'models.example.io/expect': 'objects=1',
}

await clusterTest(t, import.meta.filename, { prepare: prepareCluster, tests })

async function tests(t: Test): Promise<void> {
  const cluster = await startCluster()
  t.teardown(() => cluster.stop())
  const { api } = cluster
  // The identity webhook would be asked for every pod too, which is not what is measured here.
  await api.request(
    'DELETE',
    '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pod-identity-webhook',
  )
  const installed = await installChart(cluster)
  t.ok(installed.ok, installed.stderr)

  await losesNothing(t, cluster, 'a rolling restart', async () => {
    const before = namesOf(await webhookPods(cluster))
    await cluster.kubectl(['rollout', 'restart', '-n', WEBHOOK_NAMESPACE, `deployment/${RELEASE}`])
    await cluster.kubectl(['rollout', 'status', '-n', WEBHOOK_NAMESPACE, `deployment/${RELEASE}`, '--timeout=120s'])
    await whenGone(cluster, before)
  })

  await losesNothing(t, cluster, 'a renewal of the certificate', () => renewCertificate(cluster))

  await losesNothing(t, cluster, 'a renewal of the authority and of its certificate', async () => {
    await renewAuthority(cluster)
    await renewCertificate(cluster)
  })

  await losesNothing(t, cluster, 'a change of the configuration', async () => {
    const { ok, stderr } = await upgradeChart(cluster, { config: { unknownAnnotations: 'warn' } })
    if (!ok) throw new Error(stderr)
    await everyReplica(
      cluster,
      'the configuration read again',
      async (pod) => (await replicaMetric(pod, 'model_injector_config_reloads_total{result="success"}')) === 1,
    )
  })

  await losesNothing(t, cluster, 'the deletion of one of two replicas', async () => {
    const [first = ''] = namesOf(await webhookPods(cluster))
    await cluster.kubectl(['delete', 'pod', '-n', WEBHOOK_NAMESPACE, '--wait=false', first])
    await whenGone(cluster, [first])
    await whenReplicasReady(cluster, 2)
  })

  await t.test(
    'a crash of a replica leaves no pod without its model, and controllers make up for what was lost',
    async (t) => {
      const [victim] = await webhookPods(cluster)
      await api.createNamespace('crash')
      const load = await steadyLoad(t, cluster, 'crash')
      await killReplica(victim!)
      await api.create(deployment('crash', CONTROLLED))
      await waitFor('all pods of the controller', async () =>
        (await podTexts(cluster, 'crash', 'app=controlled')).length === CONTROLLED ? true : undefined,
      )
      await whenStartedAgain(cluster, victim!)
      await around(load)
      const result = await load.stop()
      comment(t, 'a crash', result)
      t.equal(result.bare, 0)
      t.equal(result.injected + result.refused + result.lost.length, result.sent)
      t.ok(
        result.lost.every((answer) => answer.startsWith('500 ') && answer.includes('failed calling webhook')),
        'lost pods were refused, with the reason',
      )
      await holdsModels(t, cluster, 'crash', result.injected + CONTROLLED)
    },
  )

  await t.test('a renewal that broke changes nothing but a metric and a line in the log', async (t) => {
    // It would repair the Secret at once.
    await cluster.certManager.stop()
    const { data } = await readTlsSecret(cluster)
    const served = await servedSerials(cluster)
    const started = await restarts(cluster)
    const broken = [
      {
        what: 'the key of another certificate',
        data: { ...data, 'tls.key': (await readSecret(cluster, `${RELEASE}-ca`)).data['tls.key'] },
        problem: 'tls.key is not the key of tls.crt',
      },
      {
        what: 'a truncated certificate',
        data: { ...data, 'tls.crt': firstHalf(data['tls.crt']) },
        problem: 'tls.crt is not a certificate in PEM',
      },
    ]
    for (const [index, { what, data: brokenData, problem }] of broken.entries()) {
      await losesNothing(t, cluster, what, async () => {
        await writeTlsSecret(cluster, brokenData)
        await everyReplica(
          cluster,
          'the certificate refused',
          async (pod) =>
            (await replicaMetric(pod, 'model_injector_certificate_reload_ok')) === 0 &&
            (await replicaMetric(pod, 'model_injector_certificate_reloads_total{result="failure"}')) === index + 1,
        )
      })
      t.strictSame(await servedSerials(cluster), served, 'the old certificate stays in service')
      for (const { metadata } of await whenReplicasReady(cluster, 2)) {
        t.equal(await lastRefusal(cluster, metadata.name), problem)
      }
    }
    t.strictSame(await restarts(cluster), started)
    await writeTlsSecret(cluster, data)
    await everyReplica(
      cluster,
      'the certificate in order again',
      async (pod) => (await replicaMetric(pod, 'model_injector_certificate_reload_ok')) === 1,
    )
  })

  await t.test(
    'without any replica, pods without our annotations are created as fast as ever, and annotated ones not at all',
    async (t) => {
      const measure = async (namespace: string, pods: readonly ApiObject[]): Promise<LoadResult> => {
        await api.createNamespace(namespace)
        const load = await startLoad(cluster.controlPlane.kubeConfig, { namespace, perSecond: PER_SECOND, pods })
        await whenSent(load, 5 * PER_SECOND)
        return await load.stop()
      }
      const plain = [idlePod({})]
      const before = await measure('with-webhook', plain)
      const present = namesOf(await webhookPods(cluster))
      await cluster.kubectl(['scale', '-n', WEBHOOK_NAMESPACE, `deployment/${RELEASE}`, '--replicas=0'])
      await whenGone(cluster, present)
      const without = await measure('without-webhook', plain)
      comment(t, 'unannotated, with the webhook', before)
      comment(t, 'unannotated, without it', without)
      t.strictSame(
        [without.lost, without.refused, without.bare],
        [[], 0, without.sent],
        'all are created, and none is touched',
      )
      t.ok(without.medianMs < before.medianMs + webhookTimeoutMs, `${without.medianMs} ms in the median`)

      const annotated = await measure('annotated-without-webhook', [idlePod(annotations)])
      comment(t, 'annotated, without it', annotated)
      t.strictSame([annotated.injected, annotated.bare], [0, 0])
      t.strictSame(await podTexts(cluster, 'annotated-without-webhook'), [])

      await cluster.kubectl(['scale', '-n', WEBHOOK_NAMESPACE, `deployment/${RELEASE}`, '--replicas=2'])
      await whenReplicasReady(cluster, 2)
      await losesNothing(t, cluster, 'the time afterwards', () => Promise.resolve())
    },
  )
}

/** While pods are created, before the event, through it and after it. */
async function losesNothing(
  parent: Test,
  cluster: TestCluster,
  what: string,
  event: () => Promise<void>,
): Promise<void> {
  await parent.test(`${what} loses no admission`, async (t) => {
    const namespace = what.replaceAll(/[^a-z]+/g, '-')
    await cluster.api.createNamespace(namespace)
    const load = await steadyLoad(t, cluster, namespace)
    const startedAt = performance.now()
    await event()
    t.comment(`${what} took ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
    await around(load)
    const result = await load.stop()
    comment(t, what, result)
    t.strictSame(result.lost, [], 'no admission is lost')
    t.equal(result.bare, 0, 'nothing is stored without its model')
    t.equal(result.refused, Math.ceil(result.sent / MISTAKE_EVERY), "what is refused are the users' mistakes")
    await holdsModels(t, cluster, namespace, result.injected)
  })
}

/** On stderr, so that the figures of every run are in the log of CI. */
function comment(t: Test, what: string, result: LoadResult): void {
  process.stderr.write(`${what}: ${describeLoad(result)}\n`)
  for (const [message, answers] of Object.entries(Object.groupBy(result.lost, (answer) => answer))) {
    t.comment(`${answers?.length ?? 0} × ${message}`)
  }
}

async function holdsModels(t: Test, cluster: TestCluster, namespace: string, count: number): Promise<void> {
  const stored = await podTexts(cluster, namespace)
  t.equal(stored.length, count, 'every pod that was answered for is stored, and no other')
  t.ok(stored.every(hasModel), 'every pod that is stored has its model')
}

async function podTexts({ api }: TestCluster, namespace: string, labelSelector = ''): Promise<string[]> {
  const { body } = await api.request(
    'GET',
    `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(labelSelector)}`,
  )
  return (body as { items: object[] }).items.map((pod) => JSON.stringify(pod))
}

function namesOf(pods: Awaited<ReturnType<typeof webhookPods>>): string[] {
  return pods.map(({ metadata }) => metadata.name)
}

async function restarts(cluster: TestCluster): Promise<unknown> {
  return (await webhookPods(cluster)).map(({ metadata, status }) => [
    metadata.name,
    status.containerStatuses?.[0]?.restartCount,
  ])
}

async function lastRefusal(cluster: TestCluster, pod: string): Promise<string | undefined> {
  const lines = (await cluster.kubectl(['logs', '-n', WEBHOOK_NAMESPACE, pod]))
    .split('\n')
    .filter((line) => line.includes('certificate refused'))
  return (JSON.parse(lines.at(-1) ?? '{}') as { problem?: string }).problem
}

async function steadyLoad(t: Test, cluster: TestCluster, namespace: string): Promise<RunningLoad> {
  const mistake = idlePod({ ...annotations, 'models.example.io/size': '10Gx' })
  const pods = [mistake, ...Array.from({ length: MISTAKE_EVERY - 1 }, () => idlePod(annotations))]
  const load = await startLoad(cluster.controlPlane.kubeConfig, { namespace, perSecond: PER_SECOND, pods })
  t.teardown(async () => {
    await load.stop()
  })
  await around(load)
  return load
}

async function around(load: RunningLoad): Promise<void> {
  await whenSent(load, load.sent + AROUND)
}

async function whenSent(load: RunningLoad, count: number): Promise<void> {
  await waitFor(`${count} pods to be sent`, () => Promise.resolve(load.sent >= count ? true : undefined))
}

/** Halves the decoded content. */
function firstHalf(base64: string): string {
  const content = Buffer.from(base64, 'base64')
  return content.subarray(0, content.length / 2).toString('base64')
}

/** No scheduler looks at it, so that what it costs is its admission and its storing. */
function idlePod(podAnnotations: Readonly<Record<string, string>>): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { generateName: 'app-', annotations: podAnnotations },
    spec: { schedulerName: 'nobody', containers: [{ name: 'app', image: 'app:1' }] },
  }
}

function deployment(namespace: string, replicas: number): ApiObject {
  const labels = { app: 'controlled' }
  const template = {
    metadata: { labels, annotations },
    spec: { schedulerName: 'nobody', containers: [{ name: 'app', image: 'app:1' }] },
  }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'controlled', namespace },
    spec: { replicas, selector: { matchLabels: labels }, template },
  }
}
