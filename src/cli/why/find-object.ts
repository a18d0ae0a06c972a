/** Finds the object of the cluster that the command line names. */
import type { Cluster } from '../../cluster/cluster.ts'
import type { KubernetesObject } from '../../cluster/objects.ts'
import { resources } from '../../cluster/resources.ts'
import { AppError } from '../../errors.ts'

const kinds = {
  pod: resources.pods,
  deployment: resources.deployments,
  statefulset: resources.statefulSets,
  daemonset: resources.daemonSets,
  replicaset: resources.replicaSets,
  job: resources.jobs,
  cronjob: resources.cronJobs,
} as const

export async function findObject(cluster: Cluster, name: string, namespace: string): Promise<KubernetesObject> {
  const [kind = '', own] = name.includes('/') ? name.toLowerCase().split('/') : ['pod', name]
  const known = Object.keys(kinds).find((word) => kind === word || kind === `${word}s`) as
    | keyof typeof kinds
    | undefined
  if (known === undefined) {
    throw new AppError(
      'InputUnreadable',
      `${JSON.stringify(kind)} is no kind that has a pod; known: ${Object.keys(kinds).join(', ')}`,
    )
  }
  return getObject(cluster, known, own ?? '', namespace)
}

async function getObject(
  cluster: Cluster,
  kind: keyof typeof kinds,
  name: string,
  namespace: string,
): Promise<KubernetesObject> {
  const object = await cluster.get<KubernetesObject>(kinds[kind], name, namespace)
  if (object === undefined) {
    throw new AppError(
      'InputUnreadable',
      `there is no ${kind} ${JSON.stringify(name)} in the namespace ${namespace} of ${cluster.server}`,
    )
  }
  return object
}
