/** Checks the companion resources that the pods of a namespace need for one delivery. */
import type { Cluster } from '../cluster/cluster.ts'
import type { Namespace } from '../cluster/objects.ts'
import { resources } from '../cluster/resources.ts'
import type { Config } from '../config/config.ts'
import { defaultConfig } from '../config/parse-config.ts'
import { openReport, type CheckReport } from './check-cluster.ts'
import { withCommands, type Finding } from '../diagnosis/finding.ts'
import { error, ok, unchecked } from '../deliveries/shared/checks.ts'
import { lookup, valueOf, type Lookup } from '../diagnosis/lookup.ts'
import { describeConfiguration, readConfiguration, statedConfig } from './read-configuration.ts'
import { checkCommands, type CheckedDelivery } from '../deliveries/companions.ts'
import { findRequestedModels, type RequestedModels } from './requested-models.ts'
import { titlesOf, type RequestedModel } from '../deliveries/shared/requested-model.ts'

export interface DeliveryCheckOptions {
  readonly delivery: CheckedDelivery
  readonly namespace: string
  /** Models named on the command line; checked instead of those that workloads request. */
  readonly named: readonly RequestedModel[]
}

export async function checkDelivery(cluster: Cluster, options: DeliveryCheckOptions): Promise<CheckReport> {
  return openReport(cluster, async (version) => {
    const { delivery, namespace } = options
    const stated = await readConfiguration(cluster)
    const space = await lookup(() => cluster.get(resources.namespaces, namespace))
    const beginning = [checkNamespace(namespace, space), describeConfiguration(stated)]
    if (space.state === 'absent') return [{ title: `Namespace ${namespace}`, findings: beginning }]
    const known = statedConfig(stated)
    const config = valueOf(known) ?? defaultConfig
    const requested = await findRequested(cluster, options, known)
    const sections = await checkCommands[delivery].check({
      cluster,
      version,
      namespace,
      config,
      known,
      models: requested.models,
      writers: requested.writers,
    })
    return [
      { title: `Namespace ${namespace}`, findings: [...beginning, ...describeRequested(requested, options)] },
      ...sections,
    ]
  })
}

function checkNamespace(namespace: string, seen: Lookup<Namespace>): Finding {
  if (seen.state === 'unknown') return unchecked('namespace', seen.why)
  if (seen.state === 'absent') {
    return withCommands(
      error('namespace', `there is no namespace ${namespace}`),
      `kubectl create namespace ${namespace}`,
    )
  }
  const { phase = 'Active' } = seen.value.status ?? {}
  return phase === 'Active'
    ? ok('namespace', namespace)
    : error(
        'namespace',
        `${namespace} is ${phase}: nothing is created in it any more`,
        'wait until it is gone, then create it again',
      )
}

/** Models named on the command line are the only ones checked. */
async function findRequested(
  cluster: Cluster,
  { delivery, namespace, named }: DeliveryCheckOptions,
  known: Lookup<Config>,
): Promise<RequestedModels> {
  const {
    models: requested,
    writers,
    findings,
  } = await findRequestedModels(cluster, {
    delivery,
    namespace,
    config: valueOf(known) ?? defaultConfig,
  })
  if (named.length > 0) {
    return {
      models: named.flatMap((model) => matchingRequests(model, requested)),
      writers,
      findings: findings.filter(({ severity }) => severity === 'unchecked'),
    }
  }
  return { models: requested, writers, findings: known.state === 'found' ? findings : findings.map(uncheckedRefusal) }
}

/** With an unknown configuration, a refusal is only a guess: the webhook may work with another one. */
function uncheckedRefusal({ id, severity, what, ...finding }: Finding): Finding {
  return severity === 'error'
    ? unchecked('model-request', `${what}, if the webhook works with the built-in configuration`)
    : { id, severity, what, ...finding }
}

/** Adds the workloads that request the same model. */
function matchingRequests(named: RequestedModel, requested: readonly RequestedModel[]): readonly RequestedModel[] {
  const same = requested.filter(
    ({ source }) =>
      source.uri === named.source.uri ||
      (source.scheme === 'pvc' && named.source.scheme === 'pvc' && source.claim === named.source.claim),
  )
  return same.length === 0
    ? [named]
    : same.map((model) => ({ ...model, from: named.from, claim: named.claim ?? model.claim }))
}

/** The models, and requests that the webhook would refuse. */
function describeRequested(
  { models: requested, findings }: RequestedModels,
  { delivery, namespace, named }: DeliveryCheckOptions,
): readonly Finding[] {
  if (requested.length === 0) {
    const none = unchecked(
      'model-request',
      `no workload of the namespace ${namespace} requests a model by ${delivery}; name one, as ${checkCommands[delivery].example}`,
    )
    return findings.length > 0 ? findings : [none]
  }
  const asked = requested
    .map(({ source, consumers }) => (consumers.length === 0 ? source.uri : `${source.uri} by ${titlesOf(consumers)}`))
    .join('; ')
  return [ok('model-request', named.length > 0 ? `named: ${asked}` : asked), ...findings]
}
