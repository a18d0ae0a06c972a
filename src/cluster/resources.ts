/** Kinds of objects that commands request, as named in API paths and RBAC rules. */
import type {
  IssuedCertificate,
  ConfigMap,
  CSIDriver,
  DaemonSet,
  Deployment,
  EC2NodeClass,
  EndpointSlice,
  KubernetesObject,
  MutatingWebhookConfiguration,
  Namespace,
  Node,
  NodePool,
  PersistentVolume,
  PersistentVolumeClaim,
  ClusterEvent,
  ClusterPod,
  PodDisruptionBudget,
  ReplicaSet,
  RoleBinding,
  Secret,
  Service,
  ServiceAccount,
  StorageClass,
  TridentBackendConfig,
  TridentVolume,
  TridentVolumeReference,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from './objects.ts'

export interface Resource<T extends KubernetesObject = KubernetesObject> {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
  /** Type of its objects, for the compiler only: nothing is validated. */
  readonly objects?: T
}

export const resources = {
  pods: core<ClusterPod>('pods', 'Pod'),
  services: core<Service>('services', 'Service'),
  configMaps: core<ConfigMap>('configmaps', 'ConfigMap'),
  secrets: core<Secret>('secrets', 'Secret'),
  persistentVolumeClaims: core<PersistentVolumeClaim>('persistentvolumeclaims', 'PersistentVolumeClaim'),
  serviceAccounts: core<ServiceAccount>('serviceaccounts', 'ServiceAccount'),
  events: core<ClusterEvent>('events', 'Event'),
  podTemplates: core('podtemplates', 'PodTemplate'),
  replicationControllers: core('replicationcontrollers', 'ReplicationController'),
  persistentVolumes: clusterWide<PersistentVolume>('', 'v1', 'persistentvolumes', 'PersistentVolume'),
  namespaces: clusterWide<Namespace>('', 'v1', 'namespaces', 'Namespace'),
  nodes: clusterWide<Node>('', 'v1', 'nodes', 'Node'),
  deployments: namespaced<Deployment>('apps', 'v1', 'deployments', 'Deployment'),
  replicaSets: namespaced<ReplicaSet>('apps', 'v1', 'replicasets', 'ReplicaSet'),
  statefulSets: namespaced('apps', 'v1', 'statefulsets', 'StatefulSet'),
  daemonSets: namespaced<DaemonSet>('apps', 'v1', 'daemonsets', 'DaemonSet'),
  jobs: namespaced('batch', 'v1', 'jobs', 'Job'),
  cronJobs: namespaced('batch', 'v1', 'cronjobs', 'CronJob'),
  podDisruptionBudgets: namespaced<PodDisruptionBudget>('policy', 'v1', 'poddisruptionbudgets', 'PodDisruptionBudget'),
  endpointSlices: namespaced<EndpointSlice>('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice'),
  networkPolicies: namespaced('networking.k8s.io', 'v1', 'networkpolicies', 'NetworkPolicy'),
  certificates: namespaced<IssuedCertificate>('cert-manager.io', 'v1', 'certificates', 'Certificate'),
  issuers: namespaced('cert-manager.io', 'v1', 'issuers', 'Issuer'),
  customResourceDefinitions: clusterWide(
    'apiextensions.k8s.io',
    'v1',
    'customresourcedefinitions',
    'CustomResourceDefinition',
  ),
  storageClasses: clusterWide<StorageClass>('storage.k8s.io', 'v1', 'storageclasses', 'StorageClass'),
  csiDrivers: clusterWide<CSIDriver>('storage.k8s.io', 'v1', 'csidrivers', 'CSIDriver'),
  mutatingWebhookConfigurations: clusterWide<MutatingWebhookConfiguration>(
    'admissionregistration.k8s.io',
    'v1',
    'mutatingwebhookconfigurations',
    'MutatingWebhookConfiguration',
  ),
  validatingAdmissionPolicies: clusterWide<ValidatingAdmissionPolicy>(
    'admissionregistration.k8s.io',
    'v1',
    'validatingadmissionpolicies',
    'ValidatingAdmissionPolicy',
  ),
  validatingAdmissionPolicyBindings: clusterWide<ValidatingAdmissionPolicyBinding>(
    'admissionregistration.k8s.io',
    'v1',
    'validatingadmissionpolicybindings',
    'ValidatingAdmissionPolicyBinding',
  ),
  roleBindings: namespaced<RoleBinding>('rbac.authorization.k8s.io', 'v1', 'rolebindings', 'RoleBinding'),
  clusterRoleBindings: clusterWide<RoleBinding>(
    'rbac.authorization.k8s.io',
    'v1',
    'clusterrolebindings',
    'ClusterRoleBinding',
  ),
  nodePools: clusterWide<NodePool>('karpenter.sh', 'v1', 'nodepools', 'NodePool'),
  ec2NodeClasses: clusterWide<EC2NodeClass>('karpenter.k8s.aws', 'v1', 'ec2nodeclasses', 'EC2NodeClass'),
  tridentVolumeReferences: namespaced<TridentVolumeReference>(
    'trident.netapp.io',
    'v1',
    'tridentvolumereferences',
    'TridentVolumeReference',
  ),
  tridentBackendConfigs: namespaced<TridentBackendConfig>(
    'trident.netapp.io',
    'v1',
    'tridentbackendconfigs',
    'TridentBackendConfig',
  ),
  tridentVolumes: namespaced<TridentVolume>('trident.netapp.io', 'v1', 'tridentvolumes', 'TridentVolume'),
} as const

function core<T extends KubernetesObject>(plural: string, kind: string): Resource<T> {
  return namespaced('', 'v1', plural, kind)
}

function namespaced<T extends KubernetesObject>(
  group: string,
  version: string,
  plural: string,
  kind: string,
): Resource<T> {
  return { group, version, plural, kind, namespaced: true }
}

function clusterWide<T extends KubernetesObject>(
  group: string,
  version: string,
  plural: string,
  kind: string,
): Resource<T> {
  return { group, version, plural, kind, namespaced: false }
}

/** `/apis/apps/v1/namespaces/NS/deployments/NAME`; all namespaces if none is given. */
export function pathOf(
  { group, version, plural, namespaced: hasNamespace }: Resource,
  namespace?: string,
  name?: string,
): string {
  const segments = [
    ...(group === '' ? ['api', version] : ['apis', group, version]),
    ...(hasNamespace && namespace !== undefined ? ['namespaces', namespace] : []),
    plural,
    ...(name === undefined ? [] : [name]),
  ]
  return `/${segments.map(encodeURIComponent).join('/')}`
}

export function apiVersionOf({ group, version }: Resource): string {
  return group === '' ? version : `${group}/${version}`
}
