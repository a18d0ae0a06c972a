/** Finds the owners of a pod: a ReplicaSet, then its Deployment. */
import type { Cluster } from '../../cluster/cluster.ts'
import type { KubernetesObject } from '../../cluster/objects.ts'
import { apiVersionOf, resources, type Resource } from '../../cluster/resources.ts'
import { lookup, valueOf } from '../../diagnosis/lookup.ts'

/** Deployment, ReplicaSet, Pod; CronJob, Job, Pod. */
const longestChain = 3

/** Nearest owner first; ends at an owner that cannot be read or is of an unknown kind. */
export async function ownersOf(
  cluster: Cluster,
  { metadata }: KubernetesObject,
  left = longestChain,
): Promise<readonly KubernetesObject[]> {
  const reference = metadata.ownerReferences?.find(({ controller }) => controller === true)
  const resource = reference === undefined ? undefined : resourceOf(reference.apiVersion, reference.kind)
  if (reference === undefined || resource === undefined || left === 0) return []
  const owner = valueOf(await lookup(() => cluster.get(resource, reference.name, metadata.namespace)))
  return owner === undefined ? [] : [owner, ...(await ownersOf(cluster, owner, left - 1))]
}

function resourceOf(apiVersion: string, kind: string): Resource | undefined {
  return Object.values<Resource>(resources).find(
    (resource) => resource.kind === kind && apiVersionOf(resource) === apiVersion,
  )
}
