import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { CoreV1Api, Health, KubeConfig } from '@kubernetes/client-node'
import { controlPlaneBinaries, type ControlPlaneBinaries } from './control-plane-binaries.ts'
import {
  createCertificateAuthority, createSigningKeys, issueCertificate,
  type Certificate, type CertificateRequest, type SigningKeys,
} from './pki.ts'
import { waitFor } from './wait-for.ts'

export interface ControlPlaneOptions {
  /** Added behind the harness's own, so that a flag given again wins. */
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
  readonly authority: Certificate
  readonly apiServer: Certificate
  readonly kubeletClient: Certificate
  readonly admin: Certificate
  readonly controllerManager: Certificate
  readonly serviceAccounts: SigningKeys
}

interface RunningProcess {
  readonly name: string
  readonly child: ChildProcess
  /** Tells how: "exited with code 1". */
  readonly exited: Promise<string>
  readonly endSignal: 'SIGTERM' | 'SIGKILL'
}

/** What is known before the first process starts. */
interface Plan {
  readonly binaries: ControlPlaneBinaries
  readonly directory: string
  readonly ports: Ports
  readonly pki: Pki
  readonly url: string
  readonly extraApiServerFlags: readonly string[]
}

const START_ATTEMPTS = 3
// Measured 3 to 5 s; a machine that builds and tests beside it may need a multiple.
const READY_TIMEOUT_SECONDS = 120
const END_TIMEOUT_SECONDS = 10
const LOG_TAIL_LINES = 20
const SERVICE_RANGE = '10.96.0.0/16'
// Loopback is refused here. The address need not exist: nothing in the tests dials it.
const ADVERTISED_ADDRESS = '10.99.0.1'

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
  const processes: RunningProcess[] = []
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => stopped ??= stopAll(processes, directory)
  try {
    const plan = await makePlan(directory, binaries, extraApiServerFlags)
    const kubeConfig = await makeKubeConfig(plan, plan.pki.admin)
    const kubeConfigFile = await writeKubeConfig(directory, 'admin', kubeConfig)
    await startProcesses(plan, kubeConfig, processes)
    const caCertificate = await readFile(plan.pki.authority.certificateFile, 'utf8')
    return { kubeConfig, kubeConfigFile, url: plan.url, caCertificate, directory, stop }
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
  const ports = await freePorts()
  return { binaries, directory, ports, pki, extraApiServerFlags, url: `https://127.0.0.1:${ports.apiServer}` }
}

async function startProcesses(plan: Plan, kubeConfig: KubeConfig, processes: RunningProcess[]): Promise<void> {
  const failure = new AbortController()
  const ready = { timeoutSeconds: READY_TIMEOUT_SECONDS, signal: failure.signal }
  const run = (...command: Parameters<typeof runProcess>): void => {
    const running = runProcess(...command)
    processes.push(running)
    void running.exited.then((how) => { failure.abort(new Error(`${running.name} ${how}`)) })
  }
  const { directory, binaries } = plan
  run(directory, binaries.etcd, etcdFlags(plan), 'SIGTERM')
  // SIGKILL: on SIGTERM it drains for 6 s, for data that is thrown away.
  run(directory, binaries.kubeApiserver, apiServerFlags(plan), 'SIGKILL')
  await waitFor('/readyz of kube-apiserver', () => apiServerIsReady(kubeConfig), ready)
  run(directory, binaries.kubeControllerManager, await controllerManagerFlags(plan), 'SIGTERM')
  await waitFor('the default ServiceAccount', () => defaultServiceAccount(kubeConfig), ready)
}

async function apiServerIsReady(kubeConfig: KubeConfig): Promise<true | undefined> {
  return await new Health(kubeConfig).readyz({}) || undefined
}

/** Pods are refused until it is there; kube-controller-manager makes it, so that one works too. */
async function defaultServiceAccount(kubeConfig: KubeConfig): Promise<unknown> {
  return await kubeConfig.makeApiClient(CoreV1Api)
    .readNamespacedServiceAccount({ namespace: 'default', name: 'default' })
}

function etcdFlags({ directory, ports }: Plan): string[] {
  const clientUrl = `http://127.0.0.1:${ports.etcd}`
  return [
    `--data-dir=${join(directory, 'etcd')}`, '--unsafe-no-fsync', '--log-level=warn',
    `--listen-client-urls=${clientUrl}`, `--advertise-client-urls=${clientUrl}`,
    `--listen-peer-urls=http://127.0.0.1:${ports.etcdPeer}`,
  ]
}

function apiServerFlags({ ports, pki, extraApiServerFlags }: Plan): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
    '--bind-address=127.0.0.1', `--secure-port=${ports.apiServer}`, `--advertise-address=${ADVERTISED_ADDRESS}`,
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    `--tls-cert-file=${pki.apiServer.certificateFile}`, `--tls-private-key-file=${pki.apiServer.keyFile}`,
    `--client-ca-file=${pki.authority.certificateFile}`,
    '--authorization-mode=Node,RBAC', '--enable-admission-plugins=NodeRestriction', '--allow-privileged=true',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-signing-key-file=${pki.serviceAccounts.privateKeyFile}`,
    `--service-account-key-file=${pki.serviceAccounts.publicKeyFile}`,
    `--kubelet-client-certificate=${pki.kubeletClient.certificateFile}`,
    `--kubelet-client-key=${pki.kubeletClient.keyFile}`,
    `--requestheader-client-ca-file=${pki.authority.certificateFile}`,
    '--requestheader-allowed-names=front-proxy-client', '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group', '--requestheader-extra-headers-prefix=X-Remote-Extra-',
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
    `--kubeconfig=${kubeConfigFile}`, `--authentication-kubeconfig=${kubeConfigFile}`,
    `--authorization-kubeconfig=${kubeConfigFile}`,
    `--service-account-private-key-file=${pki.serviceAccounts.privateKeyFile}`,
    `--root-ca-file=${pki.authority.certificateFile}`,
    `--cluster-signing-cert-file=${pki.authority.certificateFile}`,
    `--cluster-signing-key-file=${pki.authority.keyFile}`,
    '--use-service-account-credentials', '--leader-elect=false',
    '--bind-address=127.0.0.1', `--secure-port=${ports.controllerManager}`,
    // With the default QPS the default ServiceAccount appears 5.5 s after /readyz, with these 1.3 s.
    '--kube-api-qps=200', '--kube-api-burst=400',
    '--allocate-node-cidrs', '--cluster-cidr=10.244.0.0/16', `--service-cluster-ip-range=${SERVICE_RANGE}`,
  ]
}

async function makePki(directory: string): Promise<Pki> {
  const authority = await createCertificateAuthority(directory, 'control-plane-ca')
  const issue = (request: CertificateRequest): Promise<Certificate> => issueCertificate(directory, authority, request)
  const [apiServer, kubeletClient, admin, controllerManager, serviceAccounts] = await Promise.all([
    issue({
      name: 'kube-apiserver', subject: '/CN=kube-apiserver', usage: 'serverAuth',
      alternativeNames: [
        'DNS:localhost', 'DNS:kubernetes', 'DNS:kubernetes.default', 'DNS:kubernetes.default.svc',
        'DNS:kubernetes.default.svc.cluster.local', 'IP:127.0.0.1', 'IP:10.96.0.1', `IP:${ADVERTISED_ADDRESS}`,
      ],
    }),
    issue({
      name: 'kubelet-client', subject: '/O=system:masters/CN=kube-apiserver-kubelet-client', usage: 'clientAuth',
    }),
    issue({ name: 'admin', subject: '/O=system:masters/CN=admin', usage: 'clientAuth' }),
    issue({
      name: 'kube-controller-manager', subject: '/CN=system:kube-controller-manager', usage: 'clientAuth',
    }),
    createSigningKeys(directory, 'service-accounts'),
  ])
  return { authority, apiServer, kubeletClient, admin, controllerManager, serviceAccounts }
}

async function makeKubeConfig({ url, pki }: Plan, user: Certificate): Promise<KubeConfig> {
  const kubeConfig = new KubeConfig()
  kubeConfig.loadFromClusterAndUser(
    { name: 'test', server: url, skipTLSVerify: false, caData: await base64Of(pki.authority.certificateFile) },
    { name: 'test', certData: await base64Of(user.certificateFile), keyData: await base64Of(user.keyFile) },
  )
  return kubeConfig
}

async function writeKubeConfig(directory: string, name: string, kubeConfig: KubeConfig): Promise<string> {
  const file = join(directory, `${name}.kubeconfig`)
  await writeFile(file, kubeConfig.exportConfig(), { mode: 0o600 })
  return file
}

async function base64Of(file: string): Promise<string> {
  return await readFile(file, 'base64')
}

async function freePorts(): Promise<Ports> {
  // All are held open together, so that none is handed out twice.
  const servers = await Promise.all([listen(), listen(), listen(), listen()])
  const [etcd, etcdPeer, apiServer, controllerManager] = servers.map(portOf)
  await Promise.all(servers.map(close))
  return { etcd: etcd!, etcdPeer: etcdPeer!, apiServer: apiServer!, controllerManager: controllerManager! }
}

function listen(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => { resolve(server) })
  })
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => { server.close(() => { resolve() }) })
}

function runProcess(
  directory: string,
  file: string,
  flags: readonly string[],
  endSignal: RunningProcess['endSignal'],
): RunningProcess {
  const name = basename(file)
  const log = openSync(logFileOf(directory, name), 'w')
  // An empty environment: ETCD_* and *_PROXY variables of the machine must not reach the test.
  const child = spawn(file, flags, { cwd: directory, env: {}, stdio: ['ignore', log, log] })
  closeSync(log)
  const exited = whenExited(child)
  const guard = child.pid === undefined ? undefined : startGuard(child.pid, directory)
  const killNow = (): void => { child.kill('SIGKILL') }
  process.once('exit', killNow)
  return {
    name, child, endSignal,
    exited: exited.then(async (how) => {
      process.off('exit', killNow)
      if (guard !== undefined) await endGuard(guard)
      return how
    }),
  }
}

/**
 * Ends the process and removes the directory when the pipe from the test closes, and so also when the test is ended by
 * SIGKILL or by a signal without a handler, of which Node tells nobody. While the test runs, the guard ends together
 * with its process, so that the pid cannot be another's by then.
 */
function startGuard(pid: number, directory: string): ChildProcess {
  // Ctrl+C reaches the whole process group; the guard has to live on and do its work then.
  const script = 'trap "" INT TERM HUP; read -r _; kill -9 "$1" 2>/dev/null; rm -rf -- "$2"'
  return spawn('/bin/sh', ['-c', script, 'guard', String(pid), directory], { stdio: ['pipe', 'ignore', 'ignore'] })
}

async function endGuard(guard: ChildProcess): Promise<void> {
  const exited = whenExited(guard)
  guard.kill('SIGKILL')
  await exited
}

function whenExited(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      resolve(signal === null ? `exited with code ${code}` : `was ended by ${signal}`)
    })
    // No such file or not executable: then there is no exit.
    child.once('error', (error) => { resolve(`was not started: ${error.message}`) })
  })
}

async function stopAll(processes: readonly RunningProcess[], directory: string): Promise<void> {
  await Promise.all(processes.map(endProcess))
  await rm(directory, { recursive: true, force: true })
}

async function endProcess({ child, exited, endSignal }: RunningProcess): Promise<void> {
  child.kill(endSignal)
  const lastResort = setTimeout(() => { child.kill('SIGKILL') }, END_TIMEOUT_SECONDS * 1000)
  await exited
  clearTimeout(lastResort)
}

async function logTails(processes: readonly RunningProcess[], directory: string): Promise<string> {
  const tails = await Promise.all(processes.map(async ({ name }) => {
    const log = await readFile(logFileOf(directory, name), 'utf8').catch(messageOf)
    const lines = log.trimEnd().split('\n')
    return `\n--- the end of ${name}.log ---\n${lines.slice(-LOG_TAIL_LINES).join('\n')}`
  }))
  return tails.join('')
}

function logFileOf(directory: string, name: string): string {
  return join(directory, `${name}.log`)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : JSON.stringify(error)
}
