/** Our chart in a cluster of the tests, installed as an admin does it. */
import { X509Certificate } from 'node:crypto'
import { connect } from 'node:tls'
import type { TestCluster } from './cluster.ts'
import { isReady, podsOf, type LivePod } from './cluster-pods.ts'
import { type HelmResult, type ChartValues, chartDirectory } from '../tools/helm.ts'
import { waitFor } from '../tools/wait-for.ts'

export const RELEASE = 'model-injector'
export const WEBHOOK_NAMESPACE = 'model-injector'
const WEBHOOK_HOST = `${RELEASE}.${WEBHOOK_NAMESPACE}.svc`

const ANSWER_MILLISECONDS = 10_000
const untilReady = ['--wait', '--timeout', '120s']
const WEBHOOK_PODS = `app.kubernetes.io/instance=${RELEASE},app.kubernetes.io/component=webhook`

/** The only values that a cluster of the tests needs: the place of the image, pinned as it should be. */
export function chartValues({ images }: TestCluster): ChartValues {
  const { repository, digest } = images.product
  return { image: { repository, digest } }
}

export async function installChart(cluster: TestCluster, values: ChartValues = {}): Promise<HelmResult> {
  return await helmWithValues(cluster, ['install', '--create-namespace', ...untilReady], values)
}

export async function upgradeChart(cluster: TestCluster, values: ChartValues = {}): Promise<HelmResult> {
  return await helmWithValues(cluster, ['upgrade', ...untilReady], values)
}

/** As pipelines do it that only send the objects. */
export async function upgradeChartWithoutWaiting(cluster: TestCluster, values: ChartValues): Promise<HelmResult> {
  return await helmWithValues(cluster, ['upgrade'], values)
}

export async function rollBackChart(cluster: TestCluster): Promise<HelmResult> {
  return await cluster.helm(['rollback', RELEASE, '--namespace', WEBHOOK_NAMESPACE, ...untilReady])
}

async function helmWithValues(
  cluster: TestCluster,
  command: readonly string[],
  values: ChartValues,
): Promise<HelmResult> {
  return await cluster.helm(
    [...command, RELEASE, chartDirectory, '--namespace', WEBHOOK_NAMESPACE, '--values', '-'],
    JSON.stringify({ ...chartValues(cluster), ...values }),
  )
}

/** Those that are not on their way out. */
export async function webhookPods({ api }: TestCluster): Promise<readonly LivePod[]> {
  return (await podsOf(api, WEBHOOK_NAMESPACE, WEBHOOK_PODS)).filter(
    ({ metadata }) => metadata.deletionTimestamp === undefined,
  )
}

export async function whenReplicasReady(cluster: TestCluster, count: number): Promise<readonly LivePod[]> {
  return await waitFor(`${count} ready replicas`, async () => {
    const pods = await webhookPods(cluster)
    return pods.length === count && pods.every(isReady) ? pods : undefined
  })
}

/** The certificate that a replica serves, verified as the API server does it. */
export async function servedCertificate(pod: LivePod, caBundle: string): Promise<X509Certificate> {
  return await new Promise((resolve, reject) => {
    const socket = connect({ host: pod.status.podIP, port: 8443, servername: WEBHOOK_HOST, ca: caBundle }, () => {
      resolve(new X509Certificate(socket.getPeerCertificate().raw))
      socket.destroy()
    })
    socket.once('error', reject)
    socket.setTimeout(ANSWER_MILLISECONDS, () => {
      socket.destroy(new Error(`${pod.metadata.name} did not answer`))
    })
  })
}

/** The value of a metric's series, as a replica tells it. */
export async function replicaMetric(pod: LivePod, series: string): Promise<number | undefined> {
  const response = await fetch(`http://${pod.status.podIP ?? ''}:9090/metrics`, {
    signal: AbortSignal.timeout(ANSWER_MILLISECONDS),
  })
  const line = (await response.text()).split('\n').find((text) => text.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}
