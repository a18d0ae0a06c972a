/** Visits the pod templates of a namespace's workloads, then pods without a known workload. */
import type { Cluster } from '../cluster/cluster.ts'
import { ClusterError } from '../cluster/cluster-error.ts'
import type { KubernetesObject, ClusterPod } from '../cluster/objects.ts'
import { resources, type Resource } from '../cluster/resources.ts'
import type { Finding } from '../diagnosis/finding.ts'
import { unchecked } from '../deliveries/shared/checks.ts'
import type { Template } from '../deliveries/shared/requested-model.ts'

type Templated = KubernetesObject & {
  readonly spec?: {
    readonly replicas?: number
    readonly template?: unknown
    readonly jobTemplate?: { readonly spec?: { readonly template?: unknown } }
  }
}

const workloads: readonly Resource[] = [
  resources.deployments,
  resources.statefulSets,
  resources.daemonSets,
  resources.cronJobs,
  resources.jobs,
]

/**
 * Workloads come before pods. Only one page is in memory at a time: a namespace may have thousands of pods. Returns
 * findings for kinds that could not be listed.
 */
export async function visitTemplates(
  cluster: Cluster,
  namespace: string,
  visit: (template: Template) => void,
): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const kind of [...workloads, resources.pods]) {
    findings.push(...(await visitKind(cluster, kind, namespace, visit)))
  }
  return findings
}

async function visitKind(
  cluster: Cluster,
  kind: Resource,
  namespace: string,
  visit: (template: Template) => void,
): Promise<readonly Finding[]> {
  try {
    for await (const object of cluster.list(kind, { namespace })) if (!isOver(object)) visit(templateOf(object))
    return []
  } catch (reason) {
    if (reason instanceof ClusterError) return [unchecked('model-request', reason.message)]
    throw reason
  }
}

/**
 * Ended pods and Jobs mount nothing any more, and their volumes may rightly be gone. Jobs of a CronJob are covered by the
 * CronJob.
 */
function isOver({ kind, metadata, status }: KubernetesObject): boolean {
  const { phase, conditions = [] } = (status ?? {}) as NonNullable<ClusterPod['status']>
  if (metadata.deletionTimestamp !== undefined || phase === 'Succeeded' || phase === 'Failed') return true
  if (kind !== 'Job') return false
  return (
    isControlled(metadata) ||
    conditions.some(({ type, status: value }) => (type === 'Complete' || type === 'Failed') && value === 'True')
  )
}

function isControlled({ ownerReferences = [] }: KubernetesObject['metadata']): boolean {
  return ownerReferences.some(({ controller }) => controller === true)
}

function templateOf(object: KubernetesObject): Template {
  const {
    kind,
    metadata: { name },
    spec,
  } = object as Templated
  const pod = kind === 'Pod' ? object : kind === 'CronJob' ? spec?.jobTemplate?.spec?.template : spec?.template
  return {
    title: `${kind.toLowerCase()}/${name}`,
    kind,
    name,
    replicas: kind === 'Pod' ? undefined : spec?.replicas,
    pod,
  }
}
