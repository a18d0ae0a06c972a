/**
 * Models of the sidecar injectors of istio (pkg/kube/inject/webhook.go, reorderPod) and linkerd
 * (charts/patch/templates/patch.json): which containers they add, where these stand, and how others are moved. Written
 * after their sources and not after our own core. Each may run twice on one pod and changes nothing the second time.
 */
import type { Container, Pod, Volume } from '../../../src/pod/pod.ts'

/** How traffic is redirected, and whether the proxy is a sidecar container among the init containers. */
export const meshModes = [
  'istio-native',
  'istio-init',
  'istio-cni',
  'istio-tproxy',
  'linkerd-native',
  'linkerd-init',
  'linkerd-cni',
] as const
export type MeshMode = (typeof meshModes)[number]

/** The user whose traffic the mesh lets through; undefined where a container of the mesh redirects, or where no user's is. */
export const exemptUsers: Readonly<Partial<Record<MeshMode, number>>> = { 'istio-cni': 1337, 'linkerd-cni': 2102 }

export function mesh(pod: Pod, mode: MeshMode): Pod {
  return mode.startsWith('istio-') ? istio(pod, mode) : linkerd(pod, mode)
}

const istioResources = { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '2', memory: '1Gi' } }

const istioVolumes: readonly Volume[] = [
  { name: 'workload-socket', emptyDir: {} },
  { name: 'istio-envoy', emptyDir: { medium: 'Memory' } },
  { name: 'istio-data', emptyDir: {} },
  {
    name: 'istio-token',
    projected: {
      sources: [{ serviceAccountToken: { audience: 'istio-ca', expirationSeconds: 43200, path: 'istio-token' } }],
    },
  },
  { name: 'istiod-ca-cert', configMap: { name: 'istio-ca-root-cert' } },
]

/** With a native proxy: istio-init, istio-proxy, the rest. Without: istio-validation, the rest, istio-init. */
function istio(pod: Pod, mode: MeshMode): Pod {
  const native = mode === 'istio-native'
  const proxy = istioProxy(mode)
  const init: readonly Container[] = pod.spec.initContainers ?? []
  const rest = init.filter(({ name }) => !['istio-init', 'istio-validation', 'istio-proxy'].includes(name))
  const present = (container: Container): Container =>
    [...init, ...pod.spec.containers].find(({ name }) => name === container.name) ?? container
  const initContainers = native
    ? [present(istioInit), present({ ...proxy, restartPolicy: 'Always' }), ...rest]
    : mode === 'istio-init'
      ? [...rest, present(istioInit)]
      : [present(istioValidation), ...rest]
  const apps = pod.spec.containers.filter(({ name }) => name !== 'istio-proxy')
  return withMesh(pod, {
    containers: native ? apps : [...apps, present(proxy)],
    initContainers,
    volumes: istioVolumes,
    annotations: {
      'sidecar.istio.io/status': '{"revision":"default"}',
      ...(mode === 'istio-tproxy' && { 'sidecar.istio.io/interceptionMode': 'TPROXY' }),
    },
    labels: { 'security.istio.io/tlsMode': 'istio' },
  })
}

/** TPROXY needs privileges that a user other than root does not have. */
function istioProxy(mode: MeshMode): Container {
  const tproxy = mode === 'istio-tproxy'
  return {
    name: 'istio-proxy',
    image: 'istio/proxyv2:1.24.1',
    args: ['proxy', 'sidecar'],
    env: [{ name: 'PILOT_CERT_PROVIDER', value: 'istiod' }],
    resources: istioResources,
    securityContext: { runAsGroup: 1337, runAsNonRoot: !tproxy, runAsUser: tproxy ? 0 : 1337 },
    volumeMounts: istioVolumes.map(({ name }) => ({ name, mountPath: `/var/run/mesh/${name}` })),
  }
}

const istioInit: Container = {
  name: 'istio-init',
  image: 'istio/proxyv2:1.24.1',
  args: ['istio-iptables'],
  resources: istioResources,
  securityContext: { runAsUser: 0, runAsNonRoot: false, capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } },
}

const istioValidation: Container = {
  name: 'istio-validation',
  image: 'istio/proxyv2:1.24.1',
  args: ['istio-iptables', '--run-validation'],
  resources: istioResources,
  securityContext: { runAsUser: 1337, runAsNonRoot: true },
}

const linkerdVolumes: readonly Volume[] = [
  { name: 'linkerd-identity-end-entity', emptyDir: { medium: 'Memory' } },
  {
    name: 'linkerd-identity-token',
    projected: {
      sources: [{ serviceAccountToken: { audience: 'identity.l5d.io', expirationSeconds: 86400, path: 'token' } }],
    },
  },
]

/** A native proxy goes to 0 and 1, linkerd-init alone to the end. A pod that has the proxy is left as it is. */
function linkerd(pod: Pod, mode: MeshMode): Pod {
  const others: readonly Container[] = pod.spec.initContainers ?? []
  if ([...others, ...pod.spec.containers].some(({ name }) => name === 'linkerd-proxy')) return pod
  const native = mode === 'linkerd-native'
  const initContainers = native
    ? [linkerdInit, { ...linkerdProxy, restartPolicy: 'Always' }, ...others]
    : mode === 'linkerd-init'
      ? [...others, linkerdInit]
      : [linkerdValidator, ...others]
  return withMesh(pod, {
    containers: native ? pod.spec.containers : [linkerdProxy, ...pod.spec.containers],
    initContainers,
    volumes: linkerdVolumes,
    annotations: { 'linkerd.io/inject': 'enabled', 'linkerd.io/proxy-version': 'edge-24.11.8' },
    labels: { 'linkerd.io/workload-ns': 'team' },
  })
}

const linkerdProxy: Container = {
  name: 'linkerd-proxy',
  image: 'linkerd/proxy:edge-24.11.8',
  resources: {},
  securityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    runAsUser: 2102,
  },
  volumeMounts: linkerdVolumes.map(({ name }) => ({ name, mountPath: `/var/run/linkerd/${name}` })),
}

const linkerdInit: Container = {
  name: 'linkerd-init',
  image: 'linkerd/proxy-init:v2.4.1',
  resources: { requests: { cpu: '100m', memory: '20Mi' }, limits: { cpu: '100m', memory: '20Mi' } },
  securityContext: { runAsNonRoot: true, runAsUser: 65534, capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } },
}

const linkerdValidator: Container = {
  name: 'linkerd-network-validator',
  image: 'linkerd/proxy:edge-24.11.8',
  resources: {},
  securityContext: { runAsNonRoot: true, runAsUser: 65534 },
}

interface MeshParts {
  readonly containers: readonly Container[]
  readonly initContainers: readonly Container[]
  readonly volumes: readonly Volume[]
  readonly annotations: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
}

function withMesh(pod: Pod, { containers, initContainers, volumes, annotations, labels }: MeshParts): Pod {
  const present: readonly Volume[] = pod.spec.volumes ?? []
  const missing = volumes.filter(({ name }) => !present.some((volume) => volume.name === name))
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      annotations: { ...pod.metadata?.annotations, ...annotations },
      labels: { ...pod.metadata?.labels, ...labels },
    },
    spec: { ...pod.spec, containers, initContainers, volumes: [...present, ...missing] },
  }
}
