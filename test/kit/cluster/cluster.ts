/** A whole cluster, as EKS has it: control plane, cert-manager, one node, the identity webhook and agent, and an S3 server. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { apiClient, type ApiClient } from './api-client.ts'
import { busyboxBinary } from '../tools/busybox.ts'
import { certManagerBinaries } from '../tools/cert-manager-binaries.ts'
import { startCertManager, type CertManager } from './cert-manager.ts'
import { startClusterDns } from './cluster-dns.ts'
import { controlPlaneBinaries } from '../tools/control-plane-binaries.ts'
import { startControlPlane, type ControlPlane } from './control-plane.ts'
import { eksWebhook } from '../aws/eks-webhook.ts'
import { startForeignWebhook, type ForeignWebhook } from './foreign-webhook.ts'
import { versitygwBinary } from '../tools/go-binaries.ts'
import { helmBinary, kubectlBinary, runHelm, type HelmResult } from '../tools/helm.ts'
import { startImds, type Imds } from '../aws/imds.ts'
import { prepareProductImage, buildProductImage, shellImage } from './image-contents.ts'
import { AGENT_ADDRESS, IMDS_ADDRESS } from '../tools/network-namespace.ts'
import { nodeBinaries } from '../tools/node-binaries.ts'
import { startNode, type ClusterNode } from './node.ts'
import { startPodIdentityAgent, type Association, type PodIdentityAgent } from '../aws/pod-identity-agent.ts'
import { startFaultProxy, type FaultProxy } from '../s3/s3-fault-proxy.ts'
import { startS3Server, type S3Server } from '../s3/s3-server.ts'
import { foreignConfiguration } from './webhook-configuration.ts'

export interface TestCluster {
  readonly controlPlane: ControlPlane
  readonly api: ApiClient
  readonly certManager: CertManager
  readonly node: ClusterNode
  readonly images: Images
  readonly store: ModelStore
  readonly agent: PodIdentityAgent
  /** As `aws eks create-pod-identity-association`: the agent and the identity webhook know of it. */
  associate(association: Association): void
  /** Calls that arrive here have bypassed the pod's own identity. */
  readonly imds: Imds
  helm(args: readonly string[], input?: string): Promise<HelmResult>
  /** Gives what it printed. Throws where it fails. */
  kubectl(args: readonly string[], input?: string): Promise<string>
  /** The same with its warnings, and without an exception. */
  kubectlOutcome(args: readonly string[], input?: string): Promise<CommandOutcome>
  stop(): Promise<void>
}

interface CommandOutcome {
  readonly stdout: string
  readonly stderr: string
}

interface Images {
  readonly product: { readonly repository: string; readonly tag: string; readonly digest: string }
  /** A shell, for apps. */
  readonly app: string
}

interface ModelStore {
  readonly server: S3Server
  /** The S3 server of pods; it knows callers by the credentials that the agent has handed out. */
  readonly endpoint: string
  readonly region: string
  readonly proxy: FaultProxy
}

/** Tells how far it is. */
export type Progress = (text: string) => void

// Pods reach it through the Service `kubernetes`. The node's name is known to no DNS.
const API_SERVER_FLAGS = ['--bind-address=0.0.0.0', '--kubelet-preferred-address-types=InternalIP']
const PRODUCT_REPOSITORY = 'registry.example.com/model-injector'
const PRODUCT_TAG = 'test'

/** Builds and downloads what a cluster is made of, and compiles the product. Inside its namespaces nothing can be fetched. */
export async function prepareCluster(): Promise<void> {
  await controlPlaneBinaries()
  await nodeBinaries()
  await certManagerBinaries()
  await Promise.all([versitygwBinary(), helmBinary(), busyboxBinary(), prepareProductImage()])
}

export async function startCluster(progress: Progress = () => undefined): Promise<TestCluster> {
  const stops: (() => Promise<void>)[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(stops.splice(0).map((end) => end()))
  }
  try {
    return { ...(await startParts(stops, progress)), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function startParts(stops: (() => Promise<void>)[], progress: Progress): Promise<Omit<TestCluster, 'stop'>> {
  const keep = async <Part>(starting: Promise<Part>, stop: (part: Part) => Promise<void> | void): Promise<Part> => {
    const part = await starting
    stops.push(async () => {
      await stop(part)
    })
    return part
  }
  const stop = (part: { stop(): Promise<void> }): Promise<void> => part.stop()
  const directory = await mkdtemp('/run/cluster-')
  const accounts: string[] = []
  progress('starting etcd, kube-apiserver and kube-controller-manager')
  const controlPlane = await keep(startControlPlane({ apiServerFlags: API_SERVER_FLAGS }), stop)
  const api = await keep(apiClient(controlPlane.kubeConfig), (client) => {
    client.close()
  })
  progress('starting cert-manager, kube-scheduler, containerd, kubelet and kube-proxy')
  const [node, certManager] = await both(
    keep(startNode(controlPlane), stop),
    keep(startCertManager(controlPlane, api), stop),
  )
  progress('importing the images')
  const images = await importImages(node, directory)
  progress('starting DNS, an S3 server, the Pod Identity agent and its webhook')
  await keep(startClusterDns(api, node.address), stop)
  await keep(startIdentityWebhook(api, directory, accounts), (webhook) => webhook.close())
  const server = await keep(startS3Server(join(directory, 's3'), { tls: false }), stop)
  const proxy = await keep(startFaultProxy(server, { tls: false, address: node.address, credentials: new Map() }), stop)
  const { credentials } = proxy
  const agent = await keep(startPodIdentityAgent({ address: AGENT_ADDRESS, port: 80, credentials }), stop)
  const imds = await keep(startImds({ address: IMDS_ADDRESS, port: 80, credentials }), stop)
  const { kubeConfigFile } = controlPlane
  return {
    controlPlane,
    api,
    certManager,
    node,
    images,
    agent,
    imds,
    store: { server, proxy, endpoint: proxy.endpoint, region: server.region },
    associate: (association) => {
      agent.associate(association)
      accounts.push(association.serviceAccount)
    },
    helm: (args, input = '') => runHelm(args, { input, kubeConfigFile }),
    kubectl: async (args, input) => (await runKubectl(kubeConfigFile, args, input)).stdout,
    kubectlOutcome: (args, input) =>
      runKubectl(kubeConfigFile, args, input).catch((error: unknown) => error as CommandOutcome),
  }
}

/** If one fails, the other is still waited for, so that it can be stopped. */
async function both<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b])
  return await Promise.all([a, b])
}

async function importImages(node: ClusterNode, directory: string): Promise<Images> {
  const scratch = join(directory, 'images')
  await mkdir(scratch)
  const app = 'registry.example.com/app:1'
  await node.importImage(await shellImage(app, scratch))
  const digest = await node.importImage(await buildProductImage(`${PRODUCT_REPOSITORY}:${PRODUCT_TAG}`, scratch))
  return { product: { repository: PRODUCT_REPOSITORY, tag: PRODUCT_TAG, digest }, app }
}

/** Under the name that it has on EKS, on which depends that it comes after ours. */
async function startIdentityWebhook(
  api: ApiClient,
  directory: string,
  accounts: readonly string[],
): Promise<ForeignWebhook> {
  const certificates = join(directory, 'identity-webhook')
  await mkdir(certificates)
  const webhook = await startForeignWebhook(certificates, (pod) =>
    eksWebhook(pod, { podIdentity: accounts, region: 'eu-west-1' }),
  )
  await api.create(foreignConfiguration('pod-identity-webhook', webhook, 'IfNeeded'))
  return webhook
}

async function runKubectl(kubeConfigFile: string, args: readonly string[], input = ''): Promise<CommandOutcome> {
  const running = promisify(execFile)(await kubectlBinary(), args, {
    env: { KUBECONFIG: kubeConfigFile, HOME: '/run/tmp' },
    maxBuffer: 64 * 1024 * 1024,
  })
  running.child.stdin?.end(input)
  return await running
}
