/** Collects all facts about an installation in one pass. Checks only read the result. */
import type { Cluster, ServerVersion } from '../cluster/cluster.ts'
import { collect } from '../cluster/collect.ts'
import type {
  IssuedCertificate,
  DaemonSet,
  Deployment,
  MutatingWebhookConfiguration,
  Namespace,
  RoleBinding,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '../cluster/objects.ts'
import { resources } from '../cluster/resources.ts'
import { configOf } from './configured.ts'
import { findInjectedPods, findPendingPods, type InjectedPods } from './injected-pods.ts'
import { findInstallation, type Installation } from './installation.ts'
import { selects, type Labels } from '../cluster/label-selector.ts'
import { absent, found, lookup, lookupThen, valueOf, type Lookup } from '../diagnosis/lookup.ts'
import { probeAdmission, type Probe } from './probe.ts'
import { awaitAll } from './await-all.ts'
import { certificateSourceOf } from './registration.ts'
import { askReplicas, type Replica } from './replicas.ts'

export interface Survey extends Installation {
  readonly version: Lookup<ServerVersion>
  readonly nowMs: number
  /** Annotation prefix of the configuration; the default if unknown. */
  readonly prefix: string
  /** The Certificate that the CA bundle is to come from; absent too if it is to come from none. */
  readonly issued: Lookup<IssuedCertificate>
  /** Deployments of the chart in a cluster without the webhook configuration; absent in others. */
  readonly strandedDeployments: Lookup<readonly Deployment[]>
  readonly registrations: Lookup<readonly MutatingWebhookConfiguration[]>
  /** Labels of the namespaces that must not be selected: kube-system and the webhook's own. */
  readonly protectedNamespaces: Readonly<Record<string, Labels>>
  readonly namespaces: Lookup<readonly Namespace[]>
  readonly replicas: Lookup<readonly Replica[]>
  readonly policies: Lookup<readonly ValidatingAdmissionPolicy[]>
  readonly policyBindings: Lookup<readonly ValidatingAdmissionPolicyBinding[]>
  readonly roleBindings: Lookup<readonly RoleBinding[]>
  readonly podIdentityAgent: Lookup<DaemonSet>
  readonly injectedPods: Lookup<InjectedPods>
  readonly pendingPods: Lookup<InjectedPods>
  readonly probe: Probe
}

export interface SurveyOptions {
  readonly nowMs: number
  /** Address at which the webhook can be reached directly. */
  readonly serverURL?: string | undefined
  /** Namespace of the probe pod; by default that of the context. */
  readonly namespace?: string | undefined
}

/** `version` is the API server's answer to the first request. */
export async function surveyCluster(cluster: Cluster, version: ServerVersion, options: SurveyOptions): Promise<Survey> {
  const installation = await findInstallation(cluster)
  const prefix = configOf(installation).annotationPrefix
  const protectedNamespaces = await readNamespaces(cluster, protectedNames(installation))
  const namespace = options.namespace ?? probeNamespace(cluster, installation, protectedNamespaces)
  const facts = await awaitAll({
    issued: findIssued(cluster, installation),
    strandedDeployments: findStranded(cluster, installation),
    registrations: lookup(() => collect(cluster.list(resources.mutatingWebhookConfigurations))),
    namespaces: lookup(() => collect(cluster.list(resources.namespaces))),
    replicas: askReplicas(cluster, installation, options.serverURL),
    policies: lookup(() => collect(cluster.list(resources.validatingAdmissionPolicies))),
    policyBindings: lookup(() => collect(cluster.list(resources.validatingAdmissionPolicyBindings))),
    roleBindings: lookup(() => listBindings(cluster, installation)),
    podIdentityAgent: lookup(() => cluster.get(resources.daemonSets, 'eks-pod-identity-agent', 'kube-system')),
    injectedPods: findInjectedPods(cluster, prefix),
    pendingPods: findPendingPods(cluster, prefix),
    probe: probeAdmission(cluster, prefix, namespace),
  })
  return { ...installation, version: found(version), nowMs: options.nowMs, prefix, protectedNamespaces, ...facts }
}

async function findIssued(cluster: Cluster, { registration }: Installation): Promise<Lookup<IssuedCertificate>> {
  return lookupThen(registration, async (configuration) => {
    const source = certificateSourceOf(configuration)
    return source && cluster.get(resources.certificates, source.name, source.namespace)
  })
}

const chartLabels = 'app.kubernetes.io/name=model-injector,app.kubernetes.io/component=webhook'

async function findStranded(cluster: Cluster, { registration }: Installation): Promise<Survey['strandedDeployments']> {
  if (registration.state !== 'absent') return absent
  return lookup(() => collect(cluster.list(resources.deployments, { labelSelector: chartLabels })))
}

function protectedNames({ webhook }: Installation): readonly string[] {
  const own = valueOf(webhook)?.clientConfig.service?.namespace
  return own === undefined ? ['kube-system'] : ['kube-system', own]
}

/** The API server itself puts this label on every namespace; other labels are used if they can be read. */
async function readNamespaces(cluster: Cluster, names: readonly string[]): Promise<Survey['protectedNamespaces']> {
  const entries = await Promise.all(
    names.map(async (name) => {
      const namespace = valueOf(await lookup(() => cluster.get(resources.namespaces, name)))
      return [name, { ...namespace?.metadata.labels, 'kubernetes.io/metadata.name': name }] as const
    }),
  )
  return Object.fromEntries(entries)
}

/** Lists bindings of all namespaces: any of them can bind a service account. */
async function listBindings(
  cluster: Cluster,
  { deployment }: Installation,
): Promise<readonly RoleBinding[] | undefined> {
  if (deployment.state !== 'found') return undefined
  return [
    ...(await collect(cluster.list(resources.clusterRoleBindings))),
    ...(await collect(cluster.list(resources.roleBindings))),
  ]
}

/** Avoids a namespace that the webhook does not select. */
function probeNamespace(
  { namespace }: Cluster,
  { webhook }: Installation,
  protectedNamespaces: Survey['protectedNamespaces'],
): string {
  const labels = protectedNamespaces[namespace]
  return labels !== undefined && !selects(valueOf(webhook)?.namespaceSelector, labels) ? 'default' : namespace
}
