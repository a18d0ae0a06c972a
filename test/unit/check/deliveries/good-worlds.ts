/** For each delivery a cluster in which all is as it should be: the ground on which each test breaks one thing. */
import { checkDelivery, type DeliveryCheckOptions } from '../../../../src/check/check-delivery.ts'
import type { CheckedDelivery } from '../../../../src/deliveries/companions.ts'
import { findingsOf } from '../../../../src/check/check-cluster.ts'
import type { Finding, Severity } from '../../../../src/diagnosis/finding.ts'
import type { KubernetesObject } from '../../../../src/cluster/objects.ts'
import { defaultConfig } from '../../../../src/config/parse-config.ts'
import { mountpointClaimName } from '../../../../src/deliveries/mountpoint/inject.ts'
import { nodeLabelFor } from '../../../../src/deliveries/node/inject.ts'
import { parseS3Prefix } from '../../../../src/render/parse-aws-names.ts'
import { goodWebhook, registration } from '../good-survey.ts'
import { memoryCluster, type MemoryWorld } from './memory-cluster.ts'

const digest = `sha256:${'1'.repeat(64)}`
export const modelPath = '/opt/models/llama-1.2.3'
export const nodeLabel = nodeLabelFor(modelPath, defaultConfig.annotationPrefix)
export const goodTaint = { key: 'models.example.io/baked', effect: 'NoSchedule' }
const prefixURI = 's3://my-ml-bucket/llama/1.2.3/'
const prefix = parseS3Prefix(prefixURI)
if (!prefix.ok) throw new Error(prefix.problem)
export const mountpointClaim = mountpointClaimName(prefix.value)
export const mountpointVolume = `${mountpointClaim}.apps`
const image = `registry.example.com/models/llama@${digest}`

/** `id` is `NAMESPACE/NAME`, or `NAME`. */
export function object(
  apiVersion: string,
  kind: string,
  id: string,
  { metadata, ...fields }: { metadata?: object; [field: string]: unknown } = {},
): KubernetesObject {
  const [name = '', namespace] = id.split('/').reverse()
  return {
    apiVersion,
    kind,
    metadata: { name, ...(namespace !== undefined && { namespace }), uid: `uid-of-${kind}-${id}`, ...metadata },
    ...fields,
  }
}

export const configText = `
defaults: { image: "registry.example.com/model-injector@${digest}" }
cluster: { version: "1.36" }
policy: { rules: [{ name: all, namespaces: ["*"], sources: ["pvc://*", "s3://*", "node://*", "oci://*"] }] }
`

const installation = [
  { ...registration(goodWebhook('x')), apiVersion: 'admissionregistration.k8s.io/v1' },
  object('v1', 'Service', 'model-injector/model-injector', { spec: { selector: { app: 'webhook' } } }),
  object('apps/v1', 'Deployment', 'model-injector/model-injector', {
    spec: {
      selector: {},
      template: {
        metadata: { labels: { app: 'webhook' } },
        spec: {
          containers: [
            {
              name: 'webhook',
              args: ['serve', '--config', '/etc/config/config.yaml'],
              volumeMounts: [{ name: 'config', mountPath: '/etc/config' }],
            },
          ],
          volumes: [{ name: 'config', configMap: { name: 'settings' } }],
        },
      },
    },
  }),
  object('v1', 'ConfigMap', 'model-injector/settings', { data: { 'config.yaml': configText } }),
]

/** Asks for a model by the annotations of its template. */
export function workload(
  annotations: Readonly<Record<string, string>>,
  spec: object = {},
  kind = 'Deployment',
  name = 'my-app',
): KubernetesObject {
  const own = Object.fromEntries(Object.entries(annotations).map(([key, value]) => [`models.example.io/${key}`, value]))
  const template = {
    metadata: { annotations: own, labels: { app: name } },
    spec: { serviceAccountName: 'my-app', containers: [{ name: 'app', image: 'app:1' }], ...spec },
  }
  return object('apps/v1', kind, `apps/${name}`, {
    spec: { replicas: 2, selector: { matchLabels: { app: name } }, template },
  })
}

function claim(id: string, volumeName: string, spec: object, annotations: object = {}): KubernetesObject {
  return object('v1', 'PersistentVolumeClaim', id, {
    spec: { volumeName, resources: { requests: { storage: '20Gi' } }, ...spec },
    status: { phase: 'Bound', capacity: { storage: '20Gi' } },
    metadata: { annotations },
  })
}

function volume(name: string, claimId: string, spec: object): KubernetesObject {
  const [namespace, claimName] = claimId.split('/')
  const claimRef = { namespace, name: claimName, uid: `uid-of-PersistentVolumeClaim-${claimId}` }
  return object('v1', 'PersistentVolume', name, {
    spec: {
      claimRef,
      capacity: { storage: '20Gi' },
      accessModes: ['ReadOnlyMany'],
      persistentVolumeReclaimPolicy: 'Retain',
      ...spec,
    },
    status: { phase: 'Bound' },
  })
}

const trident = 'trident.netapp.io/v1'
const ofTrident = {
  csi: { driver: 'csi.trident.netapp.io', volumeHandle: 'x', volumeAttributes: { protocol: 'file' } },
}

const goodObjects: Readonly<Record<CheckedDelivery, readonly KubernetesObject[]>> = {
  claim: [
    workload({ source: 'pvc://llama/versions/1.2.3' }),
    claim(
      'apps/llama',
      'pvc-2',
      { storageClassName: 'ontap-nas', accessModes: ['ReadOnlyMany'] },
      { 'trident.netapp.io/shareFromPVC': 'model-store/llama' },
    ),
    claim(
      'model-store/llama',
      'pvc-1',
      { storageClassName: 'ontap-nas', accessModes: ['ReadWriteMany'] },
      { 'trident.netapp.io/shareToNamespace': 'ml,apps' },
    ),
    volume('pvc-1', 'model-store/llama', ofTrident),
    volume('pvc-2', 'apps/llama', ofTrident),
    object('storage.k8s.io/v1', 'StorageClass', 'ontap-nas', {
      provisioner: 'csi.trident.netapp.io',
      parameters: { backendType: 'ontap-nas' },
      volumeBindingMode: 'Immediate',
      mountOptions: ['nfsvers=4.1', 'nconnect=16'],
    }),
    object('storage.k8s.io/v1', 'CSIDriver', 'csi.trident.netapp.io', { spec: {} }),
    object('apps/v1', 'Deployment', 'trident/trident-controller', {
      spec: { template: { spec: { containers: [] } } },
      status: { readyReplicas: 1 },
      metadata: { labels: { app: 'controller.csi.trident.netapp.io' } },
    }),
    object(trident, 'TridentVolumeReference', 'apps/llama', {
      spec: { pvcName: 'llama', pvcNamespace: 'model-store' },
    }),
    object(trident, 'TridentBackendConfig', 'trident/svm1', {
      spec: {
        storageDriverName: 'ontap-nas',
        credentials: { type: 'awsarn', name: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:svm1-a1B2c3' },
      },
      status: { phase: 'Bound', lastOperationStatus: 'Success' },
    }),
    object(trident, 'TridentVolume', 'trident/pvc-1', { state: 'online', orphaned: false }),
  ],
  mountpoint: [
    workload(
      { source: prefixURI, delivery: 'mountpoint', region: 'eu-west-1' },
      { securityContext: { runAsUser: 1000 } },
    ),
    claim(`apps/${mountpointClaim}`, mountpointVolume, { storageClassName: '', accessModes: ['ReadOnlyMany'] }),
    volume(mountpointVolume, `apps/${mountpointClaim}`, {
      storageClassName: '',
      mountOptions: ['read-only', 'region eu-west-1', 'prefix llama/1.2.3/', 'allow-other'],
      csi: {
        driver: 's3.csi.aws.com',
        volumeHandle: mountpointVolume,
        volumeAttributes: { bucketName: 'my-ml-bucket', authenticationSource: 'pod' },
      },
    }),
    object('storage.k8s.io/v1', 'CSIDriver', 's3.csi.aws.com', { spec: { podInfoOnMount: true } }),
    object('apps/v1', 'Deployment', 'kube-system/s3-csi-controller', {
      spec: { template: { spec: { containers: [{ name: 'controller', env: [{ name: 'MOUNTPOINT_IMAGE' }] }] } } },
    }),
    object('apps/v1', 'DaemonSet', 'kube-system/s3-csi-node', {
      status: { desiredNumberScheduled: 2, numberReady: 2 },
    }),
    object('v1', 'ServiceAccount', 'apps/my-app'),
    object('v1', 'Node', 'node-1', { spec: {} }),
  ],
  node: [
    workload({ source: `node://${modelPath}` }),
    object('karpenter.sh/v1', 'NodePool', 'llama', {
      spec: {
        limits: { cpu: 100 },
        template: {
          metadata: { labels: { [nodeLabel]: 'present' } },
          spec: {
            nodeClassRef: { group: 'karpenter.k8s.aws', kind: 'EC2NodeClass', name: 'llama' },
            taints: [goodTaint],
            requirements: [{ key: 'kubernetes.io/arch', operator: 'In', values: ['amd64'] }],
          },
        },
      },
      status: { conditions: [{ type: 'Ready', status: 'True' }], resources: { cpu: '8' } },
    }),
    object('karpenter.k8s.aws/v1', 'EC2NodeClass', 'llama', {
      spec: { amiSelectorTerms: [{ tags: { [nodeLabel]: 'present' } }] },
      status: { conditions: [{ type: 'Ready', status: 'True' }], amis: [{ id: 'ami-01234567' }] },
    }),
    node('node-1', { [nodeLabel]: 'present' }, [goodTaint]),
    object('policy/v1', 'PodDisruptionBudget', 'apps/my-app', {
      spec: { selector: { matchLabels: { app: 'my-app' } } },
    }),
  ],
  image: [
    workload({ source: `oci://${image}#models` }),
    node('node-1'),
    object('v1', 'ServiceAccount', 'apps/my-app', { imagePullSecrets: [{ name: 'registry' }] }),
    pullSecret('registry', { auths: { 'https://registry.example.com/v1/': {} } }),
  ],
}

export function node(
  name: string,
  labels: object = {},
  taints: readonly object[] = [],
  nodeInfo: object = {},
): KubernetesObject {
  return object('v1', 'Node', name, {
    spec: { taints },
    status: {
      conditions: [{ type: 'Ready', status: 'True' }],
      nodeInfo: {
        operatingSystem: 'linux',
        kubeletVersion: 'v1.36.3',
        containerRuntimeVersion: 'containerd://2.1.4',
        ...nodeInfo,
      },
    },
    metadata: { labels },
  })
}

export function pullSecret(name: string, content: object, type = 'kubernetes.io/dockerconfigjson'): KubernetesObject {
  return object('v1', 'Secret', `apps/${name}`, {
    type,
    data: { '.dockerconfigjson': Buffer.from(JSON.stringify(content)).toString('base64') },
  })
}

function goodWorld(delivery: CheckedDelivery): MemoryWorld {
  return {
    version: { gitVersion: 'v1.36.3', major: 1, minor: 36 },
    unknownKinds: [],
    forbidden: [],
    objects: [...installation, object('v1', 'Namespace', 'apps'), ...goodObjects[delivery]],
    dryRun: (created) => ({ created: true, object: created, warnings: [] }),
  }
}

/** Another world with one change in it. */
export type Change = (world: MemoryWorld) => MemoryWorld

/** `id` is `NAMESPACE/NAME` or `NAME`; `patch` is a JSON merge patch (RFC 7386), or a function of the object. */
export function changed(kind: string, id: string, patch: object): Change {
  return (world) => {
    const found = world.objects.filter((one) => isIt(one, kind, id))
    if (found.length !== 1) throw new Error(`${found.length} objects are ${kind} ${id}`)
    return {
      ...world,
      objects: world.objects.map((one) => (isIt(one, kind, id) ? (merge(one, patch) as KubernetesObject) : one)),
    }
  }
}

export function gone(kind: string, id: string): Change {
  return (world) => {
    const objects = world.objects.filter((one) => !isIt(one, kind, id))
    if (objects.length === world.objects.length) throw new Error(`there is no ${kind} ${id}`)
    return { ...world, objects }
  }
}

export function added(...objects: readonly KubernetesObject[]): Change {
  return (world) => ({ ...world, objects: [...world.objects, ...objects] })
}

export function all(...changes: readonly Change[]): Change {
  return (world) => changes.reduce((before, change) => change(before), world)
}

function isIt({ kind, metadata: { name, namespace } }: KubernetesObject, wanted: string, id: string): boolean {
  return kind === wanted && id === (namespace === undefined ? name : `${namespace}/${name}`)
}

function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const base =
    typeof target === 'object' && target !== null && !Array.isArray(target) ? (target as Record<string, unknown>) : {}
  const entries = Object.entries(patch).map(
    ([key, value]) => [key, value === null ? null : merge(base[key], value)] as const,
  )
  return Object.fromEntries(
    Object.entries({ ...base, ...Object.fromEntries(entries) }).filter(([, value]) => value !== null),
  )
}

export async function findingsIn(
  delivery: CheckedDelivery,
  change: Change = (world) => world,
  options: Partial<DeliveryCheckOptions> = {},
): Promise<readonly Finding[]> {
  return findingsOf(
    await checkDelivery(memoryCluster(change(goodWorld(delivery))), {
      delivery,
      namespace: 'apps',
      named: [],
      ...options,
    }),
  )
}

export type Problem = readonly [string, Severity]

export function problemsIn(findings: readonly Finding[]): readonly Problem[] {
  return findings.filter(({ severity }) => severity !== 'ok').map(({ id, severity }) => [id, severity])
}
