/** Reads from the cluster what it knows about a service account: its IRSA role, and the models of its pods. */
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

export interface AccountFacts {
  readonly account: Lookup<ServiceAccount>
  /** Requirements of its pods that need a role. */
  readonly requirements: readonly Requirement[]
  readonly config: Config
  /**
   * Names of the context and its cluster, which `aws eks update-kubeconfig` sets to ARNs; empty if no cluster was queried.
   */
  readonly names: readonly string[]
  /** Findings about the configuration and about failed listings. */
  readonly findings: readonly Finding[]
}

export async function readAccountFacts(
  cluster: Cluster,
  { namespace, serviceAccount }: Identity,
): Promise<AccountFacts> {
  const stated = await readConfiguration(cluster)
  const config = valueOf(statedConfig(stated)) ?? defaultConfig
  const account = await lookup(() => cluster.get(resources.serviceAccounts, serviceAccount, namespace))
  const requirements: Requirement[] = []
  const unlisted = await visitTemplates(cluster, namespace, ({ pod }) => {
    requirements.push(
      ...rolesOf(pod, namespace, config).filter((requirement) => requirement.serviceAccount === serviceAccount),
    )
  })
  return {
    account,
    config,
    requirements,
    names: [cluster.context, cluster.clusterName],
    findings: [describeConfiguration(stated), ...unlisted],
  }
}

/** Pods that would be refused are left out; `why` and `--delivery` report them. */
function rolesOf(pod: unknown, namespace: string, config: Config): readonly Requirement[] {
  const requirements = requirementsOf(pod, namespace, config)
  return requirements.outcome === 'found' ? sortRequirements(requirements.requirements).roles : []
}

/** Used if flags name everything, or if no cluster is known. */
export function unknownAccountFacts(why: string): AccountFacts {
  return { account: unknown(why), requirements: [], config: defaultConfig, names: [], findings: [] }
}
