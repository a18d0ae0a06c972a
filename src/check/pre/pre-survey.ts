/** Collects what `check --pre` judges. Nothing is changed: what is created is created as a dry run. */
import { ClusterError, type Permission } from '../../cluster/cluster-error.ts'
import type { Cluster, DryRun, ServerVersion } from '../../cluster/cluster.ts'
import { collect } from '../../cluster/collect.ts'
import type {
  DaemonSet,
  Deployment,
  KubernetesObject,
  MutatingWebhookConfiguration,
  Namespace,
} from '../../cluster/objects.ts'
import { resources, type Resource } from '../../cluster/resources.ts'
import type { CheckedDelivery } from '../../deliveries/companions.ts'
import { mountpointDriver } from '../../deliveries/mountpoint/render-volume.ts'
import { provisioner as tridentDriver } from '../../deliveries/claim/render-trident.ts'
import { absent, lookup, unknown, type Lookup } from '../../diagnosis/lookup.ts'
import { awaitAll } from '../await-all.ts'
import { namedObjects, probeIssuer, replicaPod, writtenKinds, type NamedObject } from './chart-objects.ts'

export interface PreOptions {
  readonly release: string
  readonly namespace: string
  readonly withCertManager: boolean
  readonly delivery: CheckedDelivery | undefined
}

export interface PreSurvey extends PreOptions {
  readonly version: ServerVersion
  readonly target: Lookup<Namespace>
  /** Deployments that are in the namespace already. */
  readonly neighbours: Lookup<readonly Deployment[]>
  readonly named: readonly (NamedObject & { readonly seen: Lookup<KubernetesObject> })[]
  readonly rights: Lookup<readonly Right[]>
  readonly replicaPod: Lookup<DryRun>
  readonly issuer: Lookup<DryRun>
  /** Has the version of cert-manager among its labels. */
  readonly certificateKind: Lookup<KubernetesObject>
  readonly registrations: Lookup<readonly MutatingWebhookConfiguration[]>
  readonly podIdentityAgent: Lookup<DaemonSet>
  /** The object that shows that the driver of the delivery is installed; absent too if none is wanted. */
  readonly driver: Lookup<unknown>
}

export interface Right extends Permission {
  readonly isGranted: boolean
}

export async function surveyBefore(cluster: Cluster, version: ServerVersion, options: PreOptions): Promise<PreSurvey> {
  const { namespace, release, withCertManager } = options
  const target = await lookup(() => cluster.get(resources.namespaces, namespace))
  const facts = await awaitAll({
    neighbours: lookup(() => collect(cluster.list(resources.deployments, { namespace }))),
    named: Promise.all(namedObjects(release, namespace).map((wanted) => lookFor(cluster, wanted))),
    rights: askRights(cluster, options, target),
    replicaPod: tryPod(cluster, namespace, target),
    issuer: tryIssuer(cluster, options, target),
    certificateKind: withCertManager
      ? lookup(() => cluster.get(resources.customResourceDefinitions, 'certificates.cert-manager.io'))
      : absent,
    registrations: lookup(() => collect(cluster.list(resources.mutatingWebhookConfigurations))),
    podIdentityAgent: lookup(() => cluster.get(resources.daemonSets, 'eks-pod-identity-agent', 'kube-system')),
    driver: findDriver(cluster, options),
  })
  return { ...options, version, target, ...facts }
}

async function lookFor(cluster: Cluster, wanted: NamedObject): Promise<PreSurvey['named'][number]> {
  return { ...wanted, seen: await lookup(() => cluster.get(wanted.resource, wanted.name, wanted.namespace)) }
}

/** Helm reads before it writes, and changes what is there. */
const neededVerbs = ['create', 'get', 'patch'] as const

async function askRights(
  cluster: Cluster,
  { namespace, withCertManager }: PreOptions,
  target: Lookup<Namespace>,
): Promise<Lookup<readonly Right[]>> {
  const asked = writtenKinds(withCertManager).flatMap((resource) => neededVerbs.map((verb) => ({ verb, resource })))
  const ofNamespace = target.state === 'absent' ? [{ verb: 'create', resource: resources.namespaces }] : []
  return lookup(() =>
    Promise.all([...ofNamespace, ...asked].map(({ verb, resource }) => askRight(cluster, verb, resource, namespace))),
  )
}

async function askRight(cluster: Cluster, verb: string, resource: Resource, namespace: string): Promise<Right> {
  const place = resource.namespaced ? namespace : undefined
  const isGranted = await cluster.canI(verb, resource, { namespace: place })
  return { verb, group: resource.group, resource: resource.plural, namespace: place, isGranted }
}

async function tryPod(cluster: Cluster, namespace: string, target: Lookup<Namespace>): Promise<Lookup<DryRun>> {
  if (target.state === 'absent') return absent
  return lookup(() => cluster.dryRunCreate(resources.pods, replicaPod(), namespace))
}

/** In the namespace default where that of the release is not there yet: the kind and its webhook are of the whole cluster. */
async function tryIssuer(
  cluster: Cluster,
  { namespace, withCertManager }: PreOptions,
  target: Lookup<Namespace>,
): Promise<Lookup<DryRun>> {
  if (!withCertManager) return absent
  const place = target.state === 'absent' ? 'default' : namespace
  return lookup(() => cluster.dryRunCreate(resources.issuers, probeIssuer(), place))
}

async function findDriver(cluster: Cluster, { delivery }: PreOptions): Promise<Lookup<unknown>> {
  if (delivery === 'mountpoint') return lookup(() => cluster.get(resources.csiDrivers, mountpointDriver))
  if (delivery === 'claim') return lookup(() => cluster.get(resources.csiDrivers, tridentDriver))
  return delivery === 'node' ? findNodePools(cluster) : absent
}

/** A kind that is not there cannot be listed: 404. */
async function findNodePools(cluster: Cluster): Promise<Lookup<unknown>> {
  try {
    const pools = await collect(cluster.list(resources.nodePools))
    return { state: 'found', value: pools }
  } catch (reason) {
    if (!(reason instanceof ClusterError)) throw reason
    return reason.status === 404 ? absent : unknown(reason.message)
  }
}
