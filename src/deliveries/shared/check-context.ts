/** The contract of `check --delivery`; each delivery with checks implements it, listed in companions.ts. */
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
  /** Namespace of the pods. */
  readonly namespace: string
  /** The webhook's configuration, or the built-in one if unknown. */
  readonly config: Config
  readonly known: Lookup<Config>
  readonly models: readonly RequestedModel[]
  readonly writers: readonly Writer[]
}

/** Returns common sections first, then a section for each model. */
export type DeliveryCheck = (question: DeliveryCheckContext) => Promise<readonly Section[]>

/** Absent if the API server does not know the kind: its definition is not installed. */
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
