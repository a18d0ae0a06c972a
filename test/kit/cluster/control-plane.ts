import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CoreV1Api, Health, KubeConfig } from '@kubernetes/client-node'
import {
  endProcesses,
  logTails,
  messageOf,
  runProcess,
  type ClusterCommand,
  type ClusterProcess,
} from './cluster-process.ts'
import { controlPlaneBinaries, type ControlPlaneBinaries } from '../tools/control-plane-binaries.ts'
import { freePorts } from '../tools/free-ports.ts'
import {
  createCertificateAuthority,
  createSigningKeys,
  issueCertificate,
  type CertificateFiles,
  type CertificateRequest,
  type SigningKeys,
} from '../webhook/pki.ts'
import { waitFor } from '../tools/wait-for.ts'

export interface ControlPlaneOptions {
  /** Added after the harness's own, so that a flag given again wins. */
  readonly apiServerFlags?: readonly string[]
}

export interface ControlPlane {
  /** The administrator (system:masters). */
  readonly kubeConfig: KubeConfig
  /** The same for kubectl and for processes of the test; certificates and key are inside it. */
  readonly kubeConfigFile: string
  readonly url: string
  /** PEM. */
  readonly caCertificate: string
  readonly authority: CertificateFiles
  /** For a part of the cluster. The subject is its user, as openssl takes it: /O=system:nodes/CN=system:node:NAME */
  kubeConfigFor(name: string, subject: string): Promise<string>
  /** Holds everything of this control plane, the logs included (NAME.log); gone after stop(). */
  readonly directory: string
  /** May be called more than once. */
  stop(): Promise<void>
}

interface Ports {
  readonly etcd: number
  readonly etcdPeer: number
  readonly apiServer: number
  readonly controllerManager: number
}

interface Pki {
  readonly authority: CertificateFiles
  readonly apiServer: CertificateFiles
  readonly kubeletClient: CertificateFiles
  readonly admin: CertificateFiles
  readonly controllerManager: CertificateFiles
  readonly serviceAccounts: SigningKeys
}

/** Settings available before the first process starts. */
interface Plan {
  readonly binaries: ControlPlaneBinaries
  readonly directory: string
  readonly ports: Ports
  readonly pki: Pki
  readonly url: string
  readonly extraApiServerFlags: readonly string[]
}

const START_ATTEMPTS = 3
// Measured 3 to 5 s; a machine that also builds and tests may need a multiple.
const READY_TIMEOUT_SECONDS = 120
const SERVICE_RANGE = '10.96.0.0/16'
// Loopback is refused here. The address exists where there is a node, which has it.
export const ADVERTISED_ADDRESS = '10.99.0.1'

/** Runs etcd, kube-apiserver and kube-controller-manager on loopback, with free ports and a directory of their own. */
export async function startControlPlane({ apiServerFlags = [] }: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const binaries = await controlPlaneBinaries()
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnFreePorts(binaries, apiServerFlags)
    } catch (error) {
      if (attempt === START_ATTEMPTS || !isPortTaken(error)) throw error
    }
  }
}

function isPortTaken(error: unknown): boolean {
  return error instanceof Error && error.message.includes('address already in use')
}

async function startOnFreePorts(
  binaries: ControlPlaneBinaries,
  extraApiServerFlags: readonly string[],
): Promise<ControlPlane> {
  const directory = await mkdtemp(join(tmpdir(), 'model-injector-control-plane-'))
  const processes: ClusterProcess[] = []
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> =>
    (stopped ??= endProcesses(processes).then(() => rm(directory, { recursive: true, force: true })))
  try {
    const plan = await makePlan(directory, binaries, extraApiServerFlags)
    const kubeConfig = await makeKubeConfig(plan, plan.pki.admin)
    const kubeConfigFile = await writeKubeConfig(directory, 'admin', kubeConfig)
    await startProcesses(plan, kubeConfig, processes)
    const caCertificate = await readFile(plan.pki.authority.certificateFile, 'utf8')
    const { authority } = plan.pki
    const kubeConfigFor = (name: string, subject: string): Promise<string> => issueKubeConfig(plan, name, subject)
    return { kubeConfig, kubeConfigFile, url: plan.url, authority, caCertificate, kubeConfigFor, directory, stop }
  } catch (error) {
    const logs = await logTails(processes, directory)
    await stop()
    throw new Error(`the control plane did not start: ${messageOf(error)}${logs}`, { cause: error })
  }
}

async function makePlan(
  directory: string,
  binaries: ControlPlaneBinaries,
  extraApiServerFlags: readonly string[],
): Promise<Plan> {
  const pki = await makePki(directory)
  const ports = await choosePorts()
  return { binaries, directory, ports, pki, extraApiServerFlags, url: `https://127.0.0.1:${ports.apiServer}` }
}

async function startProcesses(plan: Plan, kubeConfig: KubeConfig, processes: ClusterProcess[]): Promise<void> {
  const { directory, binaries } = plan
  const failure = new AbortController()
  const ready = { timeoutSeconds: READY_TIMEOUT_SECONDS, signal: failure.signal }
  const run = (command: ClusterCommand): void => {
    const running = runProcess(directory, command)
    processes.push(running)
    void running.exited.then((how) => {
      failure.abort(new Error(`${running.name} ${how}`))
    })
  }
  run({ file: binaries.etcd, args: etcdFlags(plan) })
  // SIGKILL: on SIGTERM it drains for 6 s, for data that is thrown away.
  run({ file: binaries.kubeApiserver, args: apiServerFlags(plan), endSignal: 'SIGKILL' })
  await waitFor('/readyz of kube-apiserver', () => apiServerIsReady(kubeConfig), ready)
  run({ file: binaries.kubeControllerManager, args: await controllerManagerFlags(plan) })
  await waitFor('the default ServiceAccount', () => defaultServiceAccount(kubeConfig), ready)
}

async function apiServerIsReady(kubeConfig: KubeConfig): Promise<true | undefined> {
  return (await new Health(kubeConfig).readyz({})) || undefined
}

/** Pods are refused until it is there; kube-controller-manager makes it, so that one works too. */
async function defaultServiceAccount(kubeConfig: KubeConfig): Promise<unknown> {
  return await kubeConfig
    .makeApiClient(CoreV1Api)
    .readNamespacedServiceAccount({ namespace: 'default', name: 'default' })
}

function etcdFlags({ directory, ports }: Plan): string[] {
  const clientUrl = `http://127.0.0.1:${ports.etcd}`
  return [
    `--data-dir=${join(directory, 'etcd')}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
    `--listen-client-urls=${clientUrl}`,
    `--advertise-client-urls=${clientUrl}`,
    `--listen-peer-urls=http://127.0.0.1:${ports.etcdPeer}`,
  ]
}

function apiServerFlags({ ports, pki, extraApiServerFlags }: Plan): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${ports.apiServer}`,
    `--advertise-address=${ADVERTISED_ADDRESS}`,
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    `--tls-cert-file=${pki.apiServer.certificateFile}`,
    `--tls-private-key-file=${pki.apiServer.keyFile}`,
    `--client-ca-file=${pki.authority.certificateFile}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-signing-key-file=${pki.serviceAccounts.privateKeyFile}`,
    `--service-account-key-file=${pki.serviceAccounts.publicKeyFile}`,
    `--kubelet-client-certificate=${pki.kubeletClient.certificateFile}`,
    `--kubelet-client-key=${pki.kubeletClient.keyFile}`,
    `--requestheader-client-ca-file=${pki.authority.certificateFile}`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    // A webhook's Service is then reached at its endpoints; there is no kube-proxy to make a ClusterIP work.
    '--enable-aggregator-routing=true',
    '--profiling=false',
    ...extraApiServerFlags,
  ]
}

async function controllerManagerFlags(plan: Plan): Promise<string[]> {
  const { directory, ports, pki } = plan
  const kubeConfig = await makeKubeConfig(plan, pki.controllerManager)
  const kubeConfigFile = await writeKubeConfig(directory, 'kube-controller-manager', kubeConfig)
  return [
    `--kubeconfig=${kubeConfigFile}`,
    `--authentication-kubeconfig=${kubeConfigFile}`,
    `--authorization-kubeconfig=${kubeConfigFile}`,
    `--service-account-private-key-file=${pki.serviceAccounts.privateKeyFile}`,
    `--root-ca-file=${pki.authority.certificateFile}`,
    `--cluster-signing-cert-file=${pki.authority.certificateFile}`,
    `--cluster-signing-key-file=${pki.authority.keyFile}`,
    '--use-service-account-credentials',
    '--leader-elect=false',
    '--bind-address=127.0.0.1',
    `--secure-port=${ports.controllerManager}`,
    // With the default QPS the default ServiceAccount appears 5.5 s after /readyz, with these 1.3 s.
    '--kube-api-qps=200',
    '--kube-api-burst=400',
    '--allocate-node-cidrs',
    '--cluster-cidr=10.244.0.0/16',
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
  ]
}

async function makePki(directory: string): Promise<Pki> {
  const authority = await createCertificateAuthority(directory, 'control-plane-ca')
  const issue = (request: CertificateRequest): Promise<CertificateFiles> =>
    issueCertificate(directory, authority, request)
  const [apiServer, kubeletClient, admin, controllerManager, serviceAccounts] = await Promise.all([
    issue({
      name: 'kube-apiserver',
      subject: '/CN=kube-apiserver',
      usage: 'serverAuth',
      alternativeNames: [
        'DNS:localhost',
        'DNS:kubernetes',
        'DNS:kubernetes.default',
        'DNS:kubernetes.default.svc',
        'DNS:kubernetes.default.svc.cluster.local',
        'IP:127.0.0.1',
        'IP:10.96.0.1',
        `IP:${ADVERTISED_ADDRESS}`,
      ],
    }),
    issue({
      name: 'kubelet-client',
      subject: '/O=system:masters/CN=kube-apiserver-kubelet-client',
      usage: 'clientAuth',
    }),
    issue({ name: 'admin', subject: '/O=system:masters/CN=admin', usage: 'clientAuth' }),
    issue({
      name: 'kube-controller-manager',
      subject: '/CN=system:kube-controller-manager',
      usage: 'clientAuth',
    }),
    createSigningKeys(directory, 'service-accounts'),
  ])
  return { authority, apiServer, kubeletClient, admin, controllerManager, serviceAccounts }
}

async function makeKubeConfig({ url, pki }: Plan, user: CertificateFiles): Promise<KubeConfig> {
  const kubeConfig = new KubeConfig()
  kubeConfig.loadFromClusterAndUser(
    { name: 'test', server: url, skipTLSVerify: false, caData: await base64Of(pki.authority.certificateFile) },
    { name: 'test', certData: await base64Of(user.certificateFile), keyData: await base64Of(user.keyFile) },
  )
  return kubeConfig
}

async function issueKubeConfig(plan: Plan, name: string, subject: string): Promise<string> {
  const user = await issueCertificate(plan.directory, plan.pki.authority, { name, subject, usage: 'clientAuth' })
  return await writeKubeConfig(plan.directory, name, await makeKubeConfig(plan, user))
}

async function writeKubeConfig(directory: string, name: string, kubeConfig: KubeConfig): Promise<string> {
  const file = join(directory, `${name}.kubeconfig`)
  await writeFile(file, kubeConfig.exportConfig(), { mode: 0o600 })
  return file
}

async function base64Of(file: string): Promise<string> {
  return await readFile(file, 'base64')
}

async function choosePorts(): Promise<Ports> {
  const [etcd, etcdPeer, apiServer, controllerManager] = await freePorts(4)
  return { etcd: etcd!, etcdPeer: etcdPeer!, apiServer: apiServer!, controllerManager: controllerManager! }
}
