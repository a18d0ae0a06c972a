/** What every delivery answers to `check --delivery`; one file beside this one for each, listed in registry.ts. */
import type { Cluster, ListOptions, ServerVersion } from '../../cluster/cluster.ts'
import { ClusterError } from '../../cluster/cluster-error.ts'
import { collect } from '../../cluster/collect.ts'
import type { KubernetesObject } from '../../cluster/objects.ts'
import type { Resource } from '../../cluster/resources.ts'
import type { Config } from '../../config/config.ts'
import type { Section } from '../../diagnosis/section.ts'
import { absent, found, unknown, type Lookup } from '../../diagnosis/lookup.ts'
import type { RequestedModel, Writer } from './requested-model.ts'

export interface DeliveryCheckContext {
  readonly cluster: Cluster
  readonly version: ServerVersion
  /** Of the pods. */
  readonly namespace: string
  /** The built-in one where that of the webhook is not known. */
  readonly config: Config
  readonly known: Lookup<Config>
  readonly models: readonly RequestedModel[]
  readonly writers: readonly Writer[]
}

/** What all models have in common comes first, then a section for each. */
export type DeliveryCheck = (question: DeliveryCheckContext) => Promise<readonly Section[]>

/** Absent where the API server does not know such objects: their definition is not installed. */
export async function listOf<T extends KubernetesObject>(
  cluster: Cluster,
  resource: Resource<T>,
  options?: ListOptions,
): Promise<Lookup<readonly T[]>> {
  try {
    return found(await collect(cluster.list(resource, options)))
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error
    return error.status === 404 ? absent : unknown(error.message)
  }
}

export function whyNot(seen: Lookup<unknown>): string {
  return seen.state === 'unknown' ? seen.why : 'it is not there'
}
