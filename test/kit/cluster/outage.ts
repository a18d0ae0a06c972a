/** Events in the life of a webhook, applied to the replicas of a cluster of the tests. */
import { readdir, readFile } from 'node:fs/promises'
import { RELEASE, servedCertificate, WEBHOOK_NAMESPACE, webhookPods, whenReplicasReady } from './cluster-chart.ts'
import { podsOf, type LivePod } from './cluster-pods.ts'
import type { TestCluster } from './cluster.ts'
import { waitFor } from '../tools/wait-for.ts'

export interface TlsSecret {
  readonly data: { readonly 'tls.crt': string; readonly 'tls.key': string; readonly 'ca.crt': string }
  readonly [field: string]: unknown
}

interface Certificate {
  readonly status: { readonly conditions?: readonly object[] }
  readonly [field: string]: unknown
}

const TIMEOUT_SECONDS = 120
const tlsSecretPath = `/api/v1/namespaces/${WEBHOOK_NAMESPACE}/secrets/${RELEASE}-tls`

/** Their pods are gone, and not only unready. */
export async function whenGone({ api }: TestCluster, names: readonly string[]): Promise<void> {
  await waitFor(
    `${names.join(', ')} to be gone`,
    async () => {
      const there = await podsOf(api, WEBHOOK_NAMESPACE, '')
      return there.some(({ metadata }) => names.includes(metadata.name)) ? undefined : true
    },
    { timeoutSeconds: TIMEOUT_SECONDS },
  )
}

export async function everyReplica(
  cluster: TestCluster,
  what: string,
  holds: (pod: LivePod) => Promise<boolean>,
): Promise<void> {
  await waitFor(
    `${what}, in every replica`,
    async () => {
      const answers = await Promise.all((await webhookPods(cluster)).map(holds))
      return answers.length > 0 && answers.every((answer) => answer) ? true : undefined
    },
    { timeoutSeconds: TIMEOUT_SECONDS },
  )
}

/** As `cmctl renew` does it; waits until every replica serves the new one. */
export async function renewCertificate(cluster: TestCluster): Promise<void> {
  const before = await readTlsSecret(cluster)
  const serials = await servedSerials(cluster)
  await askForRenewal(cluster, RELEASE)
  await waitFor(
    'another certificate in the Secret',
    async () => ((await readTlsSecret(cluster)).data['tls.crt'] === before.data['tls.crt'] ? undefined : true),
    { timeoutSeconds: TIMEOUT_SECONDS },
  )
  await waitFor(
    'every replica to serve another certificate',
    async () => ((await servedSerials(cluster)).some((serial) => serials.includes(serial)) ? undefined : true),
    { timeoutSeconds: TIMEOUT_SECONDS },
  )
}

/** The authority that signs the certificates; its key stays. */
export async function renewAuthority(cluster: TestCluster): Promise<void> {
  const read = async (): Promise<string> => (await readSecret(cluster, `${RELEASE}-ca`)).data['tls.crt']
  const before = await read()
  await askForRenewal(cluster, `${RELEASE}-ca`)
  await waitFor('another authority', async () => ((await read()) === before ? undefined : true), {
    timeoutSeconds: TIMEOUT_SECONDS,
  })
}

async function askForRenewal({ api }: TestCluster, name: string): Promise<void> {
  const path = `/apis/cert-manager.io/v1/namespaces/${WEBHOOK_NAMESPACE}/certificates/${name}`
  await waitFor(
    `the renewal of ${name} to be asked for`,
    async () => {
      const certificate = (await api.request('GET', path)).body as Certificate
      const issuing = {
        type: 'Issuing',
        status: 'True',
        reason: 'ManuallyTriggered',
        message: 'renewed by a test',
        lastTransitionTime: new Date().toISOString().replace(/\.\d+/, ''),
      }
      const conditions = [...(certificate.status.conditions ?? []), issuing]
      // A conflict means that cert-manager was writing: again, on what it wrote.
      const { status } = await api.request('PUT', `${path}/status`, {
        ...certificate,
        status: { ...certificate.status, conditions },
      })
      return status === 200 ? true : undefined
    },
    { timeoutSeconds: TIMEOUT_SECONDS },
  )
}

/** By serial number, verified by the authority as the API server verifies it. */
export async function servedSerials(cluster: TestCluster): Promise<string[]> {
  const { data } = await readTlsSecret(cluster)
  const authority = Buffer.from(data['ca.crt'], 'base64').toString()
  const certificates = await Promise.all((await webhookPods(cluster)).map((pod) => servedCertificate(pod, authority)))
  return certificates.map(({ serialNumber }) => serialNumber).sort()
}

export async function readTlsSecret(cluster: TestCluster): Promise<TlsSecret> {
  return await readSecret(cluster, `${RELEASE}-tls`)
}

export async function readSecret({ api }: TestCluster, name: string): Promise<TlsSecret> {
  const { status, body } = await api.request('GET', `/api/v1/namespaces/${WEBHOOK_NAMESPACE}/secrets/${name}`)
  if (status !== 200) throw new Error(`the Secret ${name}: ${status}`)
  return body as TlsSecret
}

export async function writeTlsSecret(cluster: TestCluster, data: TlsSecret['data']): Promise<void> {
  const { status, body } = await cluster.api.request('PUT', tlsSecretPath, { ...(await readTlsSecret(cluster)), data })
  if (status !== 200) throw new Error(`the Secret was not written: ${status} ${JSON.stringify(body)}`)
}

/** The process of a replica, as a bug or the kernel would end it. It is seen from here, because containers run in our namespace of processes. */
export async function killReplica(pod: LivePod): Promise<void> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  for (const pid of pids) {
    if (await isReplica(pid, pod.metadata.uid)) {
      process.kill(Number(pid), 'SIGKILL')
      return
    }
  }
  throw new Error(`no process of ${pod.metadata.name} is found`)
}

async function isReplica(pid: string, podUid: string): Promise<boolean> {
  const read = (file: string): Promise<string> => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')
  return (await read('cgroup')).includes(podUid) && (await read('cmdline')).includes('/app/dist/main.js')
}

/** Since the crash the kubelet has started another container in the same pod. */
export async function whenStartedAgain(cluster: TestCluster, { metadata }: LivePod): Promise<void> {
  await waitFor(
    `${metadata.name} to be started again`,
    async () => {
      const pod = (await whenReplicasReady(cluster, 2)).find(({ metadata: { uid } }) => uid === metadata.uid)
      return pod?.status.containerStatuses?.[0]?.restartCount === 1 ? true : undefined
    },
    { timeoutSeconds: TIMEOUT_SECONDS },
  )
}
