/**
 * Webhooks of projects that no module proxy has: what their sources say that they add, replayed by a small webhook. Each adds
 * the same once, however often it is called.
 */
import type { Container, EnvVar, Pod, Volume } from '../../../src/pod/pod.ts'
import { mesh, type MeshMode } from '../cluster/meshes.ts'
import { allContainers } from './pod-parts.ts'

export interface ReplayedPeer {
  readonly mutate: (pod: Pod) => Pod
  /** The container by which one sees that it was called. */
  readonly container: string
}

/** The other modes of Istio run for real. */
const modes: readonly MeshMode[] = ['istio-tproxy', 'linkerd-native', 'linkerd-init', 'linkerd-cni']

const meshPeers = Object.fromEntries(
  modes.map((mode) => [
    mode,
    { mutate: (pod: Pod) => mesh(pod, mode), container: mode.startsWith('istio') ? 'istio-proxy' : 'linkerd-proxy' },
  ]),
)

const otelContainer = 'opentelemetry-auto-instrumentation-nodejs'
const datadogContainer = 'datadog-init-apm-inject'
const fuseContainer = 'gke-gcsfuse-sidecar'
const azureContainer = 'azwi-proxy'

export const replayedPeers: Readonly<Record<string, ReplayedPeer>> = {
  ...meshPeers,
  opentelemetry: { mutate: instrumentWithOpenTelemetry, container: otelContainer },
  datadog: { mutate: instrumentWithDatadog, container: datadogContainer },
  'gcs-fuse': { mutate: addFuseSidecar, container: fuseContainer },
  azure: { mutate: addAzureIdentity, container: azureContainer },
}

/** opentelemetry-operator, internal/instrumentation/nodejs.go: the first container, and an init container that copies. */
function instrumentWithOpenTelemetry(pod: Pod): Pod {
  const directory = '/otel-auto-instrumentation-nodejs'
  const env = [
    { name: 'NODE_OPTIONS', value: ` --require ${directory}/autoinstrumentation.js` },
    { name: 'OTEL_SERVICE_NAME', value: 'app' },
    { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: 'http://otel-collector:4317' },
  ]
  const [app, ...others] = pod.spec.containers
  return withAgent(pod, {
    init: {
      name: otelContainer,
      image: 'ghcr.io/open-telemetry/autoinstrumentation-nodejs:0.67.0',
      command: ['cp', '-r', '/autoinstrumentation/.', directory],
      resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { cpu: '500m', memory: '128Mi' } },
      volumeMounts: [{ name: otelContainer, mountPath: directory }],
    },
    volume: { name: otelContainer, emptyDir: { sizeLimit: '200Mi' } },
    containers: [
      ...(app === undefined ? [] : [withEnv(app, env, { name: otelContainer, mountPath: directory })]),
      ...others,
    ],
  })
}

/** datadog-agent, pkg/clusteragent/admission/mutate/autoinstrumentation: every container, and init containers that copy. */
function instrumentWithDatadog(pod: Pod): Pod {
  const directory = '/opt/datadog-packages/datadog-apm-inject'
  const volume = 'datadog-auto-instrumentation'
  const env = [
    { name: 'DD_SERVICE', value: 'app' },
    { name: 'DD_TRACE_AGENT_URL', value: 'unix:///var/run/datadog/apm.socket' },
  ]
  return withAgent(pod, {
    init: {
      name: datadogContainer,
      image: 'registry.datadoghq.com/apm-inject:0.54.0',
      resources: { requests: { cpu: '50m', memory: '100Mi' }, limits: { cpu: '50m', memory: '100Mi' } },
      volumeMounts: [{ name: volume, mountPath: '/datadog-inject' }],
    },
    volume: { name: volume, emptyDir: {} },
    containers: pod.spec.containers.map((container) =>
      withEnv(container, env, { name: volume, mountPath: directory, readOnly: true }),
    ),
  })
}

/** gcs-fuse-csi-driver, pkg/webhook/injection.go: a native sidecar in front of the init containers. */
function addFuseSidecar(pod: Pod): Pod {
  return withAgent(pod, {
    init: {
      name: fuseContainer,
      image: 'gke.gcr.io/gcs-fuse-csi-driver-sidecar-mounter:v1.20.0',
      restartPolicy: 'Always',
      resources: { requests: { cpu: '250m', memory: '256Mi', 'ephemeral-storage': '5Gi' } },
      volumeMounts: [{ name: 'gke-gcsfuse-tmp', mountPath: '/gcsfuse-tmp' }],
    },
    volume: { name: 'gke-gcsfuse-tmp', emptyDir: {} },
    containers: pod.spec.containers,
  })
}

/** azure-workload-identity, pkg/webhook/webhook.go: a proxy, and in every container a token and variables. */
function addAzureIdentity(pod: Pod): Pod {
  const volume = 'azure-identity-token'
  const directory = '/var/run/secrets/azure/tokens'
  const env = [
    { name: 'AZURE_CLIENT_ID', value: 'client' },
    { name: 'AZURE_TENANT_ID', value: 'tenant' },
    { name: 'AZURE_FEDERATED_TOKEN_FILE', value: `${directory}/azure-identity-token` },
    { name: 'AZURE_AUTHORITY_HOST', value: 'https://login.microsoftonline.com/' },
  ]
  const add = (container: Container): Container =>
    container.volumeMounts?.some(({ name }) => name === volume) === true
      ? container
      : withEnv(container, env, { name: volume, mountPath: directory, readOnly: true })
  const projected = {
    sources: [
      {
        serviceAccountToken: {
          audience: 'api://AzureADTokenExchange',
          expirationSeconds: 3600,
          path: 'azure-identity-token',
        },
      },
    ],
  }
  const { spec, ...rest } = withAgent(pod, {
    init: {
      name: azureContainer,
      image: 'mcr.microsoft.com/oss/azure/workload-identity/proxy:v1.5.1',
      restartPolicy: 'Always',
    },
    volume: { name: volume, projected },
    containers: pod.spec.containers,
  })
  return {
    ...rest,
    spec: { ...spec, containers: spec.containers.map(add), initContainers: (spec.initContainers ?? []).map(add) },
  }
}

interface AgentParts {
  readonly init: Container
  readonly volume: Volume
  readonly containers: readonly Container[]
}

function withAgent(pod: Pod, { init, volume, containers }: AgentParts): Pod {
  if (allContainers(pod).some(({ name }) => name === init.name)) return pod
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers,
      initContainers: [init, ...(pod.spec.initContainers ?? [])],
      volumes: [...(pod.spec.volumes ?? []), volume],
    },
  }
}

function withEnv(
  container: Container,
  env: readonly EnvVar[],
  mount: NonNullable<Container['volumeMounts']>[number],
): Container {
  return {
    ...container,
    env: [...(container.env ?? []), ...env],
    volumeMounts: [...(container.volumeMounts ?? []), mount],
  }
}
