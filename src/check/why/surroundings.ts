/** Reads the facts of a cluster that `why` needs, or substitutes for them without a cluster. */
import type { Cluster } from '../../cluster/cluster.ts'
import { resources } from '../../cluster/resources.ts'
import type { Config } from '../../config/config.ts'
import { defaultConfig } from '../../config/parse-config.ts'
import { findConfigurationOf, findRegistration, type Configuration, type Registered } from '../installation.ts'
import { lookup, unknown, type Lookup } from '../../diagnosis/lookup.ts'
import type { Labels } from '../../cluster/label-selector.ts'
import type { Surroundings } from './explained-pod.ts'

/** The user's own configuration file; replaces that of the cluster. */
export interface GivenConfig {
  readonly config: Config
  readonly place: string
}

/** Facts shared by all pods in question. */
export interface ClusterFacts extends Registered {
  readonly configuration: GivenConfig
}

export function factsWithoutCluster(given: GivenConfig): ClusterFacts {
  const notAsked = unknown('no cluster was asked')
  return { registration: notAsked, webhook: notAsked, configuration: given }
}

export async function askFacts(cluster: Cluster, given: GivenConfig | undefined): Promise<ClusterFacts> {
  const registered = await findRegistration(cluster)
  const configuration = given ?? usable(await findConfigurationOf(cluster, registered.webhook))
  return { ...registered, configuration }
}

/** A webhook with an invalid file keeps its previous configuration, which cannot be read here. */
function usable(configuration: Lookup<Configuration>): GivenConfig {
  const because = (why: string): GivenConfig => ({
    config: defaultConfig,
    place: `the built-in configuration, since that of the cluster is not known: ${why}`,
  })
  if (configuration.state !== 'found') {
    return because(configuration.state === 'unknown' ? configuration.why : 'it is not there')
  }
  const { place, result } = configuration.value
  return result.ok ? { config: result.config, place } : because(`${place} is not valid: ${result.problems.join('; ')}`)
}

export async function surroundingsOf(
  facts: ClusterFacts,
  cluster: Cluster | undefined,
  namespace: string,
): Promise<Surroundings> {
  const {
    registration,
    webhook,
    configuration: { config, place },
  } = facts
  return { registration, webhook, config, configPlace: place, namespaceLabels: await labelsOf(cluster, namespace) }
}

async function labelsOf(cluster: Cluster | undefined, namespace: string): Promise<Lookup<Labels>> {
  if (cluster === undefined) return unknown('no cluster was asked')
  return lookup(async () => {
    const found = await cluster.get(resources.namespaces, namespace)
    return found === undefined ? undefined : (found.metadata.labels ?? {})
  })
}
