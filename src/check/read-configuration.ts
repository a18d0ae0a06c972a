/** Reads the operator's configuration, for checks that need nothing else of an installation. */
import type { Cluster } from '../cluster/cluster.ts'
import type { Config } from '../config/config.ts'
import type { Finding } from '../diagnosis/finding.ts'
import { error, ok, unchecked } from './installation-findings.ts'
import { findConfigurationOf, findRegistration, type Configuration } from './installation.ts'
import { found, unknown, type Lookup } from '../diagnosis/lookup.ts'

export async function readConfiguration(cluster: Cluster): Promise<Lookup<Configuration>> {
  const { webhook } = await findRegistration(cluster)
  return findConfigurationOf(cluster, webhook)
}

export function statedConfig(stated: Lookup<Configuration>): Lookup<Config> {
  if (stated.state !== 'found') return stated
  const { place, result } = stated.value
  return result.ok ? found(result.config) : unknown(`${place} is not valid`)
}

export function describeConfiguration(stated: Lookup<Configuration>): Finding {
  if (stated.state !== 'found') {
    return unchecked(
      'configuration',
      `the built-in one is taken, since that of the webhook is not known: ${stated.state === 'unknown' ? stated.why : 'it is not there'}`,
    )
  }
  const { place, result } = stated.value
  return result.ok
    ? ok('configuration', `that of ${place}`)
    : error('configuration', `${place}: ${result.problems.join('; ')}; the built-in one is taken here`)
}
