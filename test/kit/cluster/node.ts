/** A real node: containerd, kubelet and kube-proxy on this machine, with the scheduler. Only inside the namespaces of a cluster. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CoreV1Api, type V1Node } from '@kubernetes/client-node'
import { cgroupHierarchies, clusterCgroup } from './cluster-namespaces.ts'
import {
  endProcesses,
  logTails,
  messageOf,
  runProcess,
  type ClusterCommand,
  type ClusterProcess,
} from './cluster-process.ts'
import { ADVERTISED_ADDRESS, type ControlPlane } from './control-plane.ts'
import { writeImage, type Image } from './image-archive.ts'
import { pauseImage } from './image-contents.ts'
import { nodeBinaries, type NodeBinaries } from '../tools/node-binaries.ts'
import { waitFor } from '../tools/wait-for.ts'

export interface ClusterNode {
  readonly name: string
  /** The address at which pods reach servers of this machine, and the node's own. */
  readonly address: string
  /** Gives its digest. Pods find it by REPOSITORY:TAG and by REPOSITORY@DIGEST. */
  importImage(image: Image): Promise<string>
  /** Holds the logs (NAME.log). */
  readonly directory: string
  /** Containers go with the namespaces. May be called more than once. */
  stop(): Promise<void>
}

interface Plan {
  readonly binaries: NodeBinaries
  readonly controlPlane: ControlPlane
  readonly directory: string
  readonly socket: string
}

const NODE_NAME = 'node-1'
const PAUSE_IMAGE = 'registry.example.com/pause:1'
const POD_RANGE = '10.244.0.0/24'
const READY_TIMEOUT_SECONDS = 120

export async function startNode(controlPlane: ControlPlane): Promise<ClusterNode> {
  const binaries = await nodeBinaries()
  const directory = await mkdtemp('/run/node-')
  const plan: Plan = { binaries, controlPlane, directory, socket: join(directory, 'containerd.sock') }
  const processes: ClusterProcess[] = []
  const stop = (): Promise<void> => endProcesses(processes)
  try {
    await startProcesses(plan, processes)
  } catch (error) {
    const logs = await logTails(processes, directory)
    await stop()
    throw new Error(`the node did not start: ${messageOf(error)}${logs}`, { cause: error })
  }
  return {
    name: NODE_NAME,
    address: ADVERTISED_ADDRESS,
    directory,
    stop,
    importImage: (image) => importImage(plan, image),
  }
}

async function startProcesses(plan: Plan, processes: ClusterProcess[]): Promise<void> {
  const failure = new AbortController()
  const ready = { timeoutSeconds: READY_TIMEOUT_SECONDS, signal: failure.signal }
  const run = (command: Omit<ClusterCommand, 'env' | 'endSignal'>): void => {
    const running = runProcess(plan.directory, { ...command, env: plan.binaries.environment, endSignal: 'SIGKILL' })
    processes.push(running)
    void running.exited.then((how) => {
      failure.abort(new Error(`${running.name} ${how}`))
    })
  }
  const { binaries } = plan
  run({ file: binaries.kubeScheduler, args: await schedulerFlags(plan) })
  run({ file: binaries.containerd, args: ['--config', await writeContainerdConfig(plan)] })
  await waitFor('containerd', () => ctr(plan, ['version']), ready)
  await importImage(plan, await pauseImage(PAUSE_IMAGE, plan.directory))
  await makeCgroup()
  run({ file: binaries.kubelet, args: await kubeletFlags(plan) })
  run({ file: binaries.kubeProxy, args: [`--config=${await writeProxyConfig(plan)}`] })
  await waitFor('the node to be ready', () => readyNode(plan.controlPlane), ready)
}

async function readyNode({ kubeConfig }: ControlPlane): Promise<V1Node | undefined> {
  const node = await kubeConfig.makeApiClient(CoreV1Api).readNode({ name: NODE_NAME })
  return node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
    ? node
    : undefined
}

async function importImage(plan: Plan, image: Image): Promise<string> {
  const archive = join(plan.directory, `${image.name.replaceAll(/[/:]/g, '-')}.tar`)
  const digest = await writeImage(archive, image)
  await ctr(plan, ['images', 'import', archive])
  await rm(archive)
  return digest
}

async function ctr({ binaries, socket }: Plan, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(binaries.ctr, ['--address', socket, '--namespace', 'k8s.io', ...args], {
    env: binaries.environment,
  })
  return stdout
}

async function schedulerFlags({ controlPlane }: Plan): Promise<string[]> {
  const file = await controlPlane.kubeConfigFor('kube-scheduler', '/CN=system:kube-scheduler')
  return [
    `--kubeconfig=${file}`,
    `--authentication-kubeconfig=${file}`,
    `--authorization-kubeconfig=${file}`,
    '--bind-address=127.0.0.1',
    '--leader-elect=false',
    '--kube-api-qps=200',
    '--kube-api-burst=400',
  ]
}

async function writeContainerdConfig({ binaries, directory, socket }: Plan): Promise<string> {
  await mkdir(join(directory, 'cni'))
  await writeFile(join(directory, 'cni', '10-bridge.conflist'), JSON.stringify(bridge(directory)))
  const file = join(directory, 'containerd.toml')
  await writeFile(
    file,
    `
version = 3
root = '${directory}/containerd'
state = '${directory}/containerd-state'
disabled_plugins = ['io.containerd.internal.v1.opt', 'io.containerd.nri.v1.nri']
[grpc]
  address = '${socket}'
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = '${PAUSE_IMAGE}'
[plugins.'io.containerd.cri.v1.runtime']
  # Without CAP_SYS_RESOURCE, as in a container that runs the tests, nothing else would start.
  restrict_oom_score_adj = true
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true
  disable_apparmor = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ['${binaries.cniDirectory}']
  conf_dir = '${directory}/cni'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = 'io.containerd.runc.v2'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = false
`,
  )
  return file
}

function bridge(directory: string): object {
  return {
    cniVersion: '0.4.0',
    name: 'bridge',
    plugins: [
      {
        type: 'bridge',
        bridge: 'pods',
        isGateway: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: join(directory, 'addresses'),
          ranges: [[{ subnet: POD_RANGE }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  }
}

/** All pods together would count as one process among those of the machine; on a real node they have most of it. */
const cpuShares = { 'cpu.shares': '8192', 'cpu.weight': '800' }

/** Its own group for each cluster: a kubelet ends whatever it does not know below the group that is its. */
async function makeCgroup(): Promise<void> {
  for (const hierarchy of cgroupHierarchies()) {
    const group = join(hierarchy, clusterCgroup())
    await mkdir(group, { recursive: true })
    for (const file of ['cpuset.cpus', 'cpuset.mems']) await inherit(hierarchy, group, file)
    for (const [file, value] of Object.entries(cpuShares)) {
      if (existsSync(join(group, file))) await writeFile(join(group, file), value)
    }
  }
}

/** In version 1 a new group of cpuset is empty, and nothing can run in it. */
async function inherit(hierarchy: string, group: string, file: string): Promise<void> {
  if (existsSync(join(hierarchy, file))) await writeFile(join(group, file), await readFile(join(hierarchy, file)))
}

async function kubeletFlags(plan: Plan): Promise<string[]> {
  const file = join(plan.directory, 'kubelet.json')
  await writeFile(file, JSON.stringify(kubeletConfig(plan)))
  const kubeConfig = await plan.controlPlane.kubeConfigFor('kubelet', `/O=system:nodes/CN=system:node:${NODE_NAME}`)
  return [
    `--config=${file}`,
    `--kubeconfig=${kubeConfig}`,
    `--hostname-override=${NODE_NAME}`,
    `--node-ip=${ADVERTISED_ADDRESS}`,
    `--root-dir=${plan.directory}/kubelet`,
    `--cert-dir=${plan.directory}/kubelet-pki`,
  ]
}

function kubeletConfig({ controlPlane, directory, socket }: Plan): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: controlPlane.authority.certificateFile },
    },
    authorization: { mode: 'Webhook' },
    containerRuntimeEndpoint: `unix://${socket}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${clusterCgroup()}`,
    failCgroupV1: false,
    failSwapOn: false,
    oomScoreAdj: 0,
    clusterDNS: [ADVERTISED_ADDRESS],
    clusterDomain: 'cluster.local',
    resolvConf: '',
    // Files of an app are seen, and projected tokens and Secrets are updated, within seconds and not a minute.
    syncFrequency: '5s',
    nodeStatusUpdateFrequency: '2s',
    configMapAndSecretChangeDetectionStrategy: 'Watch',
    address: ADVERTISED_ADDRESS,
    healthzPort: 0,
    makeIPTablesUtilChains: false,
    volumePluginDir: join(directory, 'plugins'),
    podLogsDir: '/var/log/pods',
    // All files are in memory: the kubelet has no disk to clean.
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    serializeImagePulls: false,
    kubeAPIQPS: 200,
    kubeAPIBurst: 400,
  }
}

async function writeProxyConfig({ controlPlane, directory }: Plan): Promise<string> {
  const file = join(directory, 'kube-proxy.json')
  await writeFile(
    file,
    JSON.stringify({
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      clientConnection: { kubeconfig: await controlPlane.kubeConfigFor('kube-proxy', '/CN=system:kube-proxy') },
      mode: 'iptables',
      hostnameOverride: NODE_NAME,
      clusterCIDR: POD_RANGE,
      // Pods share a bridge; without it an answer would bypass the rules that changed the question.
      iptables: { masqueradeAll: true, minSyncPeriod: '0s' },
      conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    }),
  )
  return file
}
