/** The webhooks of other projects as processes next to a control plane: their own programs, built from pinned sources. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ApiClient } from '../cluster/api-client.ts'
import {
  endProcesses,
  logTails,
  messageOf,
  runProcess,
  type ClusterCommand,
  type ClusterProcess,
} from '../cluster/cluster-process.ts'
import type { ControlPlane } from '../cluster/control-plane.ts'
import { freePorts } from '../tools/free-ports.ts'
import { istioInjectorConfig, peerBinary } from '../tools/peer-binaries.ts'
import { privateMounts } from '../tools/private-mounts.ts'
import { waitFor } from '../tools/wait-for.ts'
import { connectTls } from '../webhook/https-client.ts'
import { issueCertificate, type CertificateFiles } from '../webhook/pki.ts'

export interface PeerWebhook {
  readonly url: string
  /** PEM. */
  readonly caCertificate: string
  /** `['v1']` without it. */
  readonly admissionReviewVersions?: readonly string[]
}

export interface RunningPeer extends PeerWebhook {
  /** May be called more than once. */
  stop(): Promise<void>
}

/** A peer in its own program. */
export interface RealPeerProcess extends RunningPeer {
  readonly pid: number
}

export interface EksSettings {
  /** Service accounts with a Pod Identity association; roles (IRSA) are annotations of the accounts themselves. */
  readonly podIdentity: readonly { readonly namespace: string; readonly serviceAccount: string }[]
  readonly region: string
}

/** amazon-eks-pod-identity-webhook, with the flags of EKS: Pod Identity, region and regional STS. */
export async function startEks(controlPlane: ControlPlane, settings: EksSettings): Promise<RealPeerProcess> {
  const { directory, kubeConfigFile } = controlPlane
  const [port = 0, metricsPort] = await freePorts(2)
  const { certificateFile, keyFile } = await certificateOf('eks', controlPlane)
  const identities = join(directory, 'eks-identities.json')
  await writeFile(identities, JSON.stringify({ identities: settings.podIdentity }))
  const peer = await startPeer(controlPlane, port, {
    name: 'eks-webhook',
    file: await peerBinary('eks'),
    args: [
      '--in-cluster=false',
      `--kubeconfig=${kubeConfigFile}`,
      `--tls-cert=${certificateFile}`,
      `--tls-key=${keyFile}`,
      `--port=${port}`,
      `--metrics-port=${metricsPort}`,
      `--watch-container-credentials-config=${identities}`,
      `--aws-default-region=${settings.region}`,
      '--sts-regional-endpoint=true',
    ],
  })
  // Its answers have no apiVersion, which the API server takes for v1beta1.
  return { ...peer, url: `https://127.0.0.1:${port}/mutate`, admissionReviewVersions: ['v1beta1'] }
}

/** vault-k8s, as `agent-inject`. It injects without a Vault server. */
export async function startVault(controlPlane: ControlPlane, api: ApiClient): Promise<RunningPeer> {
  const [port = 0] = await freePorts(1)
  const { certificateFile, keyFile } = await certificateOf('vault', controlPlane)
  const { hostname, port: apiPort } = new URL(controlPlane.url)
  // It knows no kubeconfig: it reads the files of a pod's service account, at their fixed path.
  const mounts = await privateMounts()
  try {
    await mountServiceAccount(mounts, controlPlane, await administratorToken(api))
    const [file = '', ...wrapped] = mounts.wrap([await peerBinary('vault')])
    const peer = await startPeer(controlPlane, port, {
      name: 'vault-webhook',
      file,
      args: [
        ...wrapped,
        'agent-inject',
        `-listen=127.0.0.1:${port}`,
        `-tls-cert-file=${certificateFile}`,
        `-tls-key-file=${keyFile}`,
        '-vault-address=https://vault.vault.svc:8200',
      ],
      env: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: apiPort },
    })
    const stop = async (): Promise<void> => {
      await peer.stop()
      await mounts.stop()
    }
    return { ...peer, url: `https://127.0.0.1:${port}/mutate`, stop }
  } catch (error) {
    await mounts.stop()
    throw error
  }
}

/** How Istio redirects traffic, and whether its proxy is a sidecar container among the init containers. */
const istioModes = {
  'istio-native': { native: true, cni: false },
  'istio-init': { native: false, cni: false },
  'istio-cni': { native: false, cni: true },
} as const

export type IstioMode = keyof typeof istioModes

/** Istio's injector with the templates and values of its chart. */
export async function startIstio(controlPlane: ControlPlane, mode: IstioMode): Promise<RunningPeer> {
  const { native, cni } = istioModes[mode]
  const [port = 0] = await freePorts(1)
  const { certificateFile, keyFile } = await certificateOf(mode, controlPlane)
  const directory = join(controlPlane.directory, mode)
  await mkdir(directory)
  const { config, values } = await istioInjectorConfig({ cni: { enabled: cni } })
  await writeFile(join(directory, 'config'), config)
  await writeFile(join(directory, 'values'), values)
  const peer = await startPeer(controlPlane, port, {
    name: `${mode}-webhook`,
    file: await peerBinary('istio'),
    args: [
      `-config=${join(directory, 'config')}`,
      `-values=${join(directory, 'values')}`,
      `-listen=127.0.0.1:${port}`,
      `-tls-cert=${certificateFile}`,
      `-tls-key=${keyFile}`,
    ],
    env: { ENABLE_NATIVE_SIDECARS: String(native) },
  })
  return { ...peer, url: `https://127.0.0.1:${port}/inject` }
}

async function certificateOf(peer: string, { directory, authority }: ControlPlane): Promise<CertificateFiles> {
  return await issueCertificate(directory, authority, {
    name: `${peer}-webhook`,
    subject: `/CN=${peer}-webhook`,
    usage: 'serverAuth',
    alternativeNames: ['IP:127.0.0.1'],
  })
}

type StartedPeer = Pick<RealPeerProcess, 'caCertificate' | 'pid' | 'stop'>

/** Up when it answers on its port with its certificate. */
async function startPeer(
  { directory, caCertificate }: ControlPlane,
  port: number,
  command: ClusterCommand,
): Promise<StartedPeer> {
  const failure = new AbortController()
  const running: ClusterProcess = runProcess(directory, command)
  void running.exited.then((how) => {
    failure.abort(new Error(`${running.name} ${how}`))
  })
  const stop = (): Promise<void> => endProcesses([running])
  const answers = async (): Promise<true> => {
    const socket = await connectTls({ port, ca: caCertificate })
    socket.destroy()
    return true
  }
  try {
    await waitFor(`${running.name} to listen`, answers, { signal: failure.signal })
  } catch (error) {
    const logs = await logTails([running], directory)
    await stop()
    throw new Error(`${running.name} did not start: ${messageOf(error)}${logs}`, { cause: error })
  }
  return { caCertificate, pid: running.child.pid ?? 0, stop }
}

const administrator = { name: 'peer-administrator', namespace: 'default' }

/** The account may do everything: the installations of these webhooks give each what it needs. */
async function administratorToken(api: ApiClient): Promise<string> {
  await api.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: administrator })
  await api.request('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: administrator.name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', ...administrator }],
  })
  const { body } = await api.request(
    'POST',
    `/api/v1/namespaces/${administrator.namespace}/serviceaccounts/${administrator.name}/token`,
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
  )
  return (body as { status: { token: string } }).status.token
}

async function mountServiceAccount(
  mounts: Awaited<ReturnType<typeof privateMounts>>,
  { directory, authority }: ControlPlane,
  token: string,
): Promise<void> {
  const tokenFile = join(directory, 'vault-token')
  await writeFile(tokenFile, token)
  const script = `
    mount -t tmpfs none "$(readlink -f /var/run)"
    mkdir -p /var/run/secrets/kubernetes.io/serviceaccount
    cp "$1" /var/run/secrets/kubernetes.io/serviceaccount/token
    cp "$2" /var/run/secrets/kubernetes.io/serviceaccount/ca.crt`
  await mounts.run(script, tokenFile, authority.certificateFile)
}
