/** Lists injected pods: of the whole cluster, or, for a caller who may not, of one namespace. */
import { injectedLabel } from '../annotations.ts'
import type { Cluster, ListOptions } from '../cluster/cluster.ts'
import { ClusterError } from '../cluster/cluster-error.ts'
import type { ClusterPod } from '../cluster/objects.ts'
import { resources } from '../cluster/resources.ts'
import { lookup, valueOf, type Lookup } from '../diagnosis/lookup.ts'

export interface InjectedPods {
  readonly pods: readonly ClusterPod[]
  /** Says which pods were not looked at, and the permission for them. */
  readonly unread?: string
}

const mostPods = 500

/** Some of those with our label. */
export async function findInjectedPods(cluster: Cluster, prefix: string): Promise<Lookup<InjectedPods>> {
  return find(cluster, { labelSelector: `${prefix}${injectedLabel}=true` })
}

/** Some of those whose containers have not all been started. */
export async function findPendingPods(cluster: Cluster, prefix: string): Promise<Lookup<InjectedPods>> {
  return find(cluster, { labelSelector: `${prefix}${injectedLabel}=true`, fieldSelector: 'status.phase=Pending' })
}

async function find(cluster: Cluster, options: ListOptions): Promise<Lookup<InjectedPods>> {
  return lookup(async () => {
    try {
      return { pods: await listSome(cluster, options) }
    } catch (reason) {
      if (!(reason instanceof ClusterError) || reason.missing === undefined) throw reason
      return findInOne(cluster, options, reason)
    }
  })
}

/** With the error of the whole cluster if the namespace of the context may not be read either. */
async function findInOne(cluster: Cluster, options: ListOptions, reason: ClusterError): Promise<InjectedPods> {
  const { namespace } = cluster
  const pods = valueOf(await lookup(() => listSome(cluster, { ...options, namespace })))
  if (pods === undefined) throw reason
  return { pods, unread: `pods outside of the namespace ${namespace}: ${reason.message}` }
}

async function listSome(cluster: Cluster, options: ListOptions): Promise<readonly ClusterPod[]> {
  const pods: ClusterPod[] = []
  for await (const pod of cluster.list(resources.pods, options)) if (pods.push(pod) === mostPods) break
  return pods
}
