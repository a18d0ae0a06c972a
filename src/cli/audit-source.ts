/** Where the pods of an audit are from, a cluster or files, and which configuration they are judged by. */
import type { AuditedObject, AuditOptions } from '../audit/audit.ts'
import { findConfigurationOf, findRegistration } from '../check/installation.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { ClusterError } from '../cluster/cluster-error.ts'
import { resources } from '../cluster/resources.ts'
import { defaultConfig, type Config } from '../config.ts'
import { AppError } from '../errors.ts'
import { printable } from '../values/printable.ts'
import { explainMissing } from './audit-missing.ts'
import { useCluster, type ClusterOptions } from './cluster-options.ts'
import { readDocuments } from './manifests/documents.ts'
import { readManifestFiles } from './manifests/input.ts'
import { objectsOf, valueAt, type FoundObject } from './manifests/workloads.ts'
import { readConfig } from './read-config.ts'

export interface AuditSourceOptions extends ClusterOptions {
  readonly namespace?: readonly string[]
  readonly filename?: readonly string[]
  readonly config?: string
}

export interface AuditSource extends AuditOptions {
  /** From the beginning, each time it is called. */
  readonly objects: () => AsyncIterable<AuditedObject>
  /** What was read, for people. */
  readonly place: string
  readonly scope: string
  readonly configPlace: string
}

export async function useAuditSource(options: AuditSourceOptions, work: (source: AuditSource) => Promise<void>): Promise<void> {
  const { filename, config } = options
  const given = config === undefined ? undefined : { config: await readConfig(config), configPlace: `configuration ${config}` }
  if (filename === undefined) return useCluster(options, async (cluster) => work(await sourceOfCluster(cluster, options, given)))
  const asksCluster = given === undefined && (options.context !== undefined || options.kubeconfig !== undefined)
  const today = asksCluster ? await useCluster(options, async (cluster) => configOfCluster(cluster, (await findRegistration(cluster)).webhook)) : (given ?? builtIn)
  await work({ ...today, objects: () => objectsInFiles(filename, options.namespace), place: `files ${filename.join(', ')}`, scope: scopeOf(options) })
}

interface Configured {
  readonly config: Config
  readonly configPlace: string
}

const builtIn: Configured = { config: defaultConfig, configPlace: 'the built-in configuration' }

async function sourceOfCluster(cluster: Cluster, options: AuditSourceOptions, given: Configured | undefined): Promise<AuditSource> {
  const registered = await findRegistration(cluster)
  const today = given ?? await configOfCluster(cluster, registered.webhook)
  return {
    ...today,
    objects: () => podsOfCluster(cluster, options.namespace),
    whyMissing: explainMissing(cluster, registered),
    place: `cluster ${cluster.server} (context ${cluster.context})`,
    scope: scopeOf(options),
  }
}

/** Judged by another configuration than its own, every pod of a cluster would look outdated. */
async function configOfCluster(cluster: Cluster, webhook: Parameters<typeof findConfigurationOf>[1]): Promise<Configured> {
  const configuration = await findConfigurationOf(cluster, webhook)
  const remedy = 'give the one to judge by with --config FILE (an empty file is the built-in one)'
  if (configuration.state !== 'found') {
    throw new AppError('ConfigurationUnreadable', `the configuration of the cluster cannot be read: ${configuration.state === 'unknown' ? configuration.why : 'it is not there'}; ${remedy}`)
  }
  const { place, result } = configuration.value
  if (!result.ok) throw new AppError('ConfigurationInvalid', `${place} is not a valid configuration: ${result.problems.join('; ')}; ${remedy}`)
  return { config: result.config, configPlace: place }
}

async function* podsOfCluster(cluster: Cluster, namespaces: readonly (string | undefined)[] = [undefined]): AsyncGenerator<AuditedObject> {
  try {
    for (const namespace of namespaces) {
      for await (const pod of cluster.list(resources.pods, { namespace })) yield { pod, namespace: pod.metadata.namespace ?? '' }
    }
  } catch (error) {
    if (!(error instanceof ClusterError) || error.missing === undefined) throw error
    throw new AppError('ClusterRefused', `${error.message}; the ClusterRole model-injector-reader has it; or name a namespace that you may read with -n`, { cause: error })
  }
}

/** By namespace, as they come from a cluster. */
async function* objectsInFiles(paths: readonly string[], namespaces: readonly string[] | undefined): AsyncGenerator<AuditedObject> {
  const documents = readDocuments(await readManifestFiles(paths))
  const found = documents.flatMap(({ file, value }) => objectsOf(value).flatMap((object) => auditedObject(object, file) ?? []))
  if (found.length === 0) throw new AppError('InputUnreadable', `${paths.join(', ')}: holds neither a pod nor a workload`)
  const chosen = namespaces === undefined ? found : found.filter(({ namespace }) => namespaces.includes(namespace))
  yield* chosen.toSorted((a, b) => (a.namespace < b.namespace ? -1 : a.namespace > b.namespace ? 1 : 0))
}

function auditedObject({ object, podPath, kind, name, namespace = 'default' }: FoundObject, file: string): AuditedObject | undefined {
  if (podPath === undefined) return undefined
  const pod = valueAt(object, podPath)
  return { pod, namespace, file, ...(podPath.length > 0 && { workload: { kind, name: printable(name ?? '(no name)') } }) }
}

function scopeOf({ namespace }: AuditSourceOptions): string {
  if (namespace === undefined) return 'all namespaces'
  return `${namespace.length === 1 ? 'namespace' : 'namespaces'} ${namespace.join(', ')}`
}
