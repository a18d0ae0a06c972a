/** Asks every ready replica for its certificate and the configuration in force. */
import type { Cluster } from '../cluster/cluster.ts'
import type { ClusterPod } from '../cluster/objects.ts'
import { defaultHealthPort } from '../config/webhook-address.ts'
import { certificateFrom } from './handshake.ts'
import type { Installation } from './installation.ts'
import { absent, found, lookup, unknown, valueOf, type Lookup } from '../diagnosis/lookup.ts'
import { argumentOf, webhookContainer } from './mounted-file.ts'
import { serverNameOf } from './registration.ts'

export interface Replica {
  readonly name: string
  /** PEM. */
  readonly certificate: Lookup<string>
  readonly metrics: Lookup<ReplicaMetrics>
}

export interface ReplicaMetrics {
  readonly configHash: string | undefined
  /** False if a new file was refused. */
  readonly configIsCurrent: boolean
  readonly certificateIsCurrent: boolean
}

/** With an undefined `serverURL`, each replica is reached through the API server. */
export async function askReplicas(
  cluster: Cluster,
  installation: Installation,
  serverURL: string | undefined,
): Promise<Lookup<readonly Replica[]>> {
  const servername = serverNameIn(installation)
  if (serverURL !== undefined) return found([await askServer(new URL(serverURL), servername)])
  if (installation.pods.state !== 'found') return installation.pods
  const ready = installation.pods.value.filter(isReadyReplica)
  if (ready.length === 0) return unknown('no replica is ready')
  const port = portOf(installation)
  return found(await Promise.all(ready.map((pod) => askReplica(cluster, pod, { port, servername }))))
}

export function isReadyReplica({ status, metadata }: ClusterPod): boolean {
  return (
    metadata.deletionTimestamp === undefined &&
    status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true
  )
}

async function askServer({ hostname, port, host }: URL, servername: string): Promise<Replica> {
  const target = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || '443') }
  return {
    name: host,
    certificate: await certificateFrom(target, servername),
    metrics: unknown('--server-url names the port of the webhook, not that of its metrics'),
  }
}

async function askReplica(
  cluster: Cluster,
  pod: ClusterPod,
  { port, servername }: { port: number | undefined; servername: string },
): Promise<Replica> {
  const { name, namespace = '' } = pod.metadata
  const certificate =
    port === undefined
      ? unknown('no EndpointSlice says the port of the webhook')
      : await askCertificate(cluster, { namespace, name, port }, servername)
  const metrics = await lookup(async () =>
    readMetrics(await cluster.fetchFromPod({ namespace, name, port: healthPortOf(pod) }, '/metrics')),
  )
  return { name, certificate, metrics }
}

async function askCertificate(
  cluster: Cluster,
  pod: { namespace: string; name: string; port: number },
  servername: string,
): Promise<Lookup<string>> {
  const connection = await lookup(() => cluster.connectToPod(pod))
  return connection.state === 'found'
    ? certificateFrom({ socket: connection.value }, servername)
    : connection.state === 'absent'
      ? absent
      : connection
}

function serverNameIn({ webhook }: Installation): string {
  return webhook.state === 'found' ? serverNameOf(webhook.value) : 'model-injector'
}

/** EndpointSlices give the pod port that the Service port maps to. */
function portOf({ endpointSlices, service, webhook }: Installation): number | undefined {
  const expectedPort = valueOf(webhook)?.clientConfig.service?.port ?? 443
  const name = valueOf(service)?.spec.ports?.find(({ port }) => port === expectedPort)?.name ?? ''
  return (valueOf(endpointSlices) ?? []).flatMap(({ ports }) => ports ?? []).find((port) => (port.name ?? '') === name)
    ?.port
}

function healthPortOf({ spec }: ClusterPod): number {
  return Number(argumentOf(webhookContainer(spec), '--health-port') ?? defaultHealthPort)
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format */
export function readMetrics(text: string): ReplicaMetrics {
  return {
    configHash: /^model_injector_config_info\{hash="([0-9a-f]+)"\} 1$/m.exec(text)?.[1],
    configIsCurrent: !/^model_injector_config_reload_ok 0$/m.test(text),
    certificateIsCurrent: !/^model_injector_certificate_reload_ok 0$/m.test(text),
  }
}
