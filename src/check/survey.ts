/** Collects all facts about an installation in one pass. Checks only read the result. */
import { injectedLabel } from '../annotations.ts'
import type { Cluster, ServerVersion } from '../cluster/cluster.ts'
import { collect } from '../cluster/collect.ts'
import type {
  ClusterPod,
  DaemonSet,
  MutatingWebhookConfiguration,
  RoleBinding,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '../cluster/objects.ts'
import { resources } from '../cluster/resources.ts'
import { configOf } from './configured.ts'
import { findInstallation, type Installation } from './installation.ts'
import { selects, type Labels } from '../cluster/label-selector.ts'
import { found, lookup, valueOf, type Lookup } from '../diagnosis/lookup.ts'
import { probeAdmission, type Probe } from './probe.ts'
import { askReplicas, type Replica } from './replicas.ts'

export interface Survey extends Installation {
  readonly version: Lookup<ServerVersion>
  readonly nowMs: number
  /** Annotation prefix of the configuration; the default if unknown. */
  readonly prefix: string
  readonly registrations: Lookup<readonly MutatingWebhookConfiguration[]>
  /** Labels of the namespaces that must not be selected: kube-system and the webhook's own. */
  readonly protectedNamespaces: Readonly<Record<string, Labels>>
  readonly replicas: Lookup<readonly Replica[]>
  readonly policies: Lookup<readonly ValidatingAdmissionPolicy[]>
  readonly policyBindings: Lookup<readonly ValidatingAdmissionPolicyBinding[]>
  readonly roleBindings: Lookup<readonly RoleBinding[]>
  readonly podIdentityAgent: Lookup<DaemonSet>
  /** Some of those with our label, from the whole cluster. */
  readonly injectedPods: Lookup<readonly ClusterPod[]>
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
  const [registrations, replicas, policies, policyBindings, roleBindings, podIdentityAgent, injectedPods, probe] =
    await Promise.all([
      lookup(() => collect(cluster.list(resources.mutatingWebhookConfigurations))),
      askReplicas(cluster, installation, options.serverURL),
      lookup(() => collect(cluster.list(resources.validatingAdmissionPolicies))),
      lookup(() => collect(cluster.list(resources.validatingAdmissionPolicyBindings))),
      lookup(() => listBindings(cluster, installation)),
      lookup(() => cluster.get(resources.daemonSets, 'eks-pod-identity-agent', 'kube-system')),
      lookup(() => listInjectedPods(cluster, prefix)),
      probeAdmission(cluster, prefix, options.namespace ?? probeNamespace(cluster, installation, protectedNamespaces)),
    ])
  return {
    ...installation,
    version: found(version),
    nowMs: options.nowMs,
    prefix,
    protectedNamespaces,
    registrations,
    replicas,
    policies,
    policyBindings,
    roleBindings,
    podIdentityAgent,
    injectedPods,
    probe,
  }
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

const mostInjectedPods = 500

async function listInjectedPods(cluster: Cluster, prefix: string): Promise<readonly ClusterPod[]> {
  const pods: ClusterPod[] = []
  for await (const pod of cluster.list(resources.pods, { labelSelector: `${prefix}${injectedLabel}=true` })) {
    if (pods.push(pod) === mostInjectedPods) break
  }
  return pods
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
