/** What a cluster says about a service account: which role it has by IRSA, and what its pods read. */
import type { Cluster } from '../../cluster/cluster.ts'
import type { ServiceAccount } from '../../cluster/objects.ts'
import { resources } from '../../cluster/resources.ts'
import type { Config } from '../../config/config.ts'
import { defaultConfig } from '../../config/parse-config.ts'
import type { Identity } from '../../render/access.ts'
import { requirementsOf, sortRequirements, type Requirement } from '../../deliveries/shared/requirements.ts'
import { visitTemplates } from '../pod-templates.ts'
import type { Finding } from '../../diagnosis/finding.ts'
import { lookup, unknown, valueOf, type Lookup } from '../../diagnosis/lookup.ts'
import { describeConfiguration, readConfiguration, statedConfig } from '../read-configuration.ts'

export interface Seen {
  readonly account: Lookup<ServiceAccount>
  /** Of its pods, as far as a role answers them. */
  readonly needs: readonly Requirement[]
  readonly config: Config
  /** The name of the context and of its cluster, of which `aws eks update-kubeconfig` makes ARNs; none where no cluster was asked. */
  readonly names: readonly string[]
  /** About the configuration, and what could not be listed. */
  readonly findings: readonly Finding[]
}

export async function seeCluster(cluster: Cluster, { namespace, serviceAccount }: Identity): Promise<Seen> {
  const stated = await readConfiguration(cluster)
  const config = valueOf(statedConfig(stated)) ?? defaultConfig
  const account = await lookup(() => cluster.get(resources.serviceAccounts, serviceAccount, namespace))
  const needs: Requirement[] = []
  const unlisted = await visitTemplates(cluster, namespace, ({ pod }) => {
    needs.push(...rolesOf(pod, namespace, config).filter((need) => need.serviceAccount === serviceAccount))
  })
  return {
    account,
    config,
    needs,
    names: [cluster.context, cluster.clusterName],
    findings: [describeConfiguration(stated), ...unlisted],
  }
}

/** Of a pod that would be refused, `why` and `--delivery` tell more. */
function rolesOf(pod: unknown, namespace: string, config: Config): readonly Requirement[] {
  const needs = requirementsOf(pod, namespace, config)
  return needs.outcome === 'needs' ? sortRequirements(needs.needs).roles : []
}

/** Where everything is named, or no cluster is known. */
export function seenNothing(why: string): Seen {
  return { account: unknown(why), needs: [], config: defaultConfig, names: [], findings: [] }
}
