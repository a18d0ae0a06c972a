/** Finds the CronJobs of Jobs: a pod names its Job alone, and that has another name in each run. */
import type { FindCronJob } from '../../audit/audit.ts'
import { isCronJobReference } from '../../audit/owner.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import { resources } from '../../cluster/resources.ts'
import { lookup, valueOf, type Lookup } from '../../diagnosis/lookup.ts'
import { isObject, valueAt } from '../manifests/paths.ts'
import type { FoundObject } from '../manifests/workloads.ts'

type CronJobs = Map<string, string>

/**
 * Lists Jobs once for all namespaces, or once for each of those that are read, and only if a pod with a model is one of a Job.
 * Without the right to list them pods count as those of their Job.
 */
export function cronJobsOfCluster(cluster: Cluster, namespaces: readonly string[]): FindCronJob {
  const lists = new Map<string | undefined, Promise<Lookup<CronJobs>>>()
  return async (namespace, job) => {
    const scope = namespaces.length === 0 ? undefined : namespace
    const listed = lists.get(scope) ?? lookup(() => listCronJobs(cluster, scope))
    lists.set(scope, listed)
    return valueOf(await listed)?.get(keyOf(namespace, job))
  }
}

async function listCronJobs(cluster: Cluster, namespace: string | undefined): Promise<CronJobs> {
  const found: CronJobs = new Map()
  for await (const { metadata } of cluster.list(resources.jobs, { namespace })) {
    const owner = metadata.ownerReferences?.find(isCronJobReference)
    if (owner !== undefined) found.set(keyOf(metadata.namespace ?? '', metadata.name), owner.name)
  }
  return found
}

/** The CronJobs of Jobs that stand in files. */
export class CronJobsOfFiles {
  readonly #found: CronJobs = new Map()

  readonly find: FindCronJob = (namespace, job) => Promise.resolve(this.#found.get(keyOf(namespace, job)))

  add({ kind, name, namespace = 'default', object }: FoundObject): void {
    const references = valueAt(object, ['metadata', 'ownerReferences'])
    if (kind !== 'Job' || name === undefined || !Array.isArray(references)) return
    const owner: unknown = references.find((reference) => isObject(reference) && isCronJobReference(reference))
    const cronJob = valueAt(owner, ['name'])
    if (typeof cronJob === 'string') this.#found.set(keyOf(namespace, name), cronJob)
  }
}

function keyOf(namespace: string, job: string): string {
  return `${namespace}/${job}`
}
