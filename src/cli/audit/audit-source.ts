/** The source of an audit: pods of a cluster or of files, and the configuration that judges them. */
import type { AuditOptions } from '../../audit/audit.ts'
import type { AuditedObject } from '../../audit/audited-object.ts'
import { findConfigurationOf, findRegistration } from '../../check/installation.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import { ClusterError } from '../../cluster/cluster-error.ts'
import { resources } from '../../cluster/resources.ts'
import { defaultConfig } from '../../config/parse-config.ts'
import { AppError } from '../../errors.ts'
import { printable } from '../../values/print/printable.ts'
import { cronJobsOfCluster, CronJobsOfFiles } from './cron-jobs.ts'
import { explainMissing } from './missing-pods.ts'
import { useCluster, type ClusterOptions } from '../cluster-options.ts'
import { readDocuments, reportBroken, type ManifestDocument } from '../manifests/documents.ts'
import { openManifestFiles, type OpenedFile } from '../manifests/input.ts'
import { locate, parseField } from '../manifests/locate.ts'
import type { Path } from '../manifests/paths.ts'
import { podsIn, type FoundPod, type PodSettings } from '../manifests/pods.ts'
import { objectsIn, objectsOf, type FoundObject } from '../manifests/workloads.ts'
import { exitCodes } from '../exit-codes.ts'
import { pendingText } from '../judge.ts'
import { readConfig } from '../read-config.ts'
import { writeReport } from '../terminal.ts'
import type { ReadWaivers } from './read-waivers.ts'

export interface AuditSourceOptions extends ClusterOptions {
  /** Empty: all. */
  readonly namespaces: readonly string[]
  /** Empty: the cluster. */
  readonly files: readonly string[]
  readonly config?: string | undefined
  readonly image?: string | undefined
  /** A file. */
  readonly waivers?: string | undefined
}

export interface AuditSource {
  /** Each call starts from the first object. The settings say where pods are in files. */
  readonly objects: (settings: PodSettings) => AsyncIterable<AuditedObject>
  /** Reads the configuration that judges pods, and the waivers. Each call reads it again: operators may change it while a page is served. */
  readonly today: () => Promise<Today>
  /** Name of the cluster or the files, for people. */
  readonly place: string
  readonly scope: string
}

export interface Today extends AuditOptions {
  readonly configPlace: string
  readonly waivers?: ReadWaivers
}

export async function useAuditSource(
  options: AuditSourceOptions,
  work: (source: AuditSource) => Promise<void>,
): Promise<void> {
  const { files, namespaces } = options
  const scope = scopeOf(options)
  if (files.length > 0) {
    const cronJobs = new CronJobsOfFiles()
    return work({
      objects: (settings) => objectsInFiles(files, namespaces, { settings, cronJobs }),
      today: async () => ({ ...(await withWaivers(todayOfFiles(options), options)), findCronJob: cronJobs.find }),
      place: `files ${files.join(', ')}`,
      scope,
    })
  }
  await useCluster(options, (cluster) =>
    work({
      objects: () => podsOfCluster(cluster, namespaces),
      today: () => withWaivers(todayOfCluster(cluster, options), options),
      place: `cluster ${cluster.server} (context ${cluster.context})`,
      scope,
    }),
  )
}

/** The day is that of the audit: a page may be served for weeks. */
async function withWaivers(today: Promise<Today>, { waivers }: AuditSourceOptions): Promise<Today> {
  if (waivers === undefined) return today
  const { readWaivers } = await import('./read-waivers.ts')
  return { ...(await today), waivers: await readWaivers(waivers, new Date()) }
}

async function todayOfFiles(options: AuditSourceOptions): Promise<Today> {
  if (options.config !== undefined) return configInFile(options.config, options.image)
  if (options.context === undefined && options.kubeconfig === undefined) {
    return { config: defaultConfig, configPlace: 'the built-in configuration' }
  }
  return useCluster(options, async (cluster) => configOfCluster(cluster, (await findRegistration(cluster)).webhook))
}

async function todayOfCluster(cluster: Cluster, { config, image, namespaces }: AuditSourceOptions): Promise<Today> {
  const registered = await findRegistration(cluster)
  const configured =
    config === undefined ? await configOfCluster(cluster, registered.webhook) : await configInFile(config, image)
  return {
    ...configured,
    whyMissing: explainMissing(cluster, registered),
    findCronJob: cronJobsOfCluster(cluster, namespaces),
  }
}

async function configInFile(file: string, image: string | undefined): Promise<Today> {
  return { config: await readConfig(file, image), configPlace: `configuration ${file}` }
}

/** Uses the cluster's own configuration: by another one every pod would look outdated. */
async function configOfCluster(cluster: Cluster, webhook: Parameters<typeof findConfigurationOf>[1]): Promise<Today> {
  const configuration = await findConfigurationOf(cluster, webhook)
  const remedy = 'give the one to judge by with --config FILE (an empty file is the built-in one)'
  if (configuration.state !== 'found') {
    throw new AppError(
      'ConfigurationUnreadable',
      `the configuration of the cluster cannot be read: ${configuration.state === 'unknown' ? configuration.why : 'it is not there'}; ${remedy}`,
    )
  }
  const { place, result } = configuration.value
  if (!result.ok) {
    throw new AppError(
      'ConfigurationInvalid',
      `${place} is not a valid configuration: ${result.problems.join('; ')}; ${remedy}`,
    )
  }
  return { config: result.config, configPlace: place }
}

async function* podsOfCluster(cluster: Cluster, namespaces: readonly string[]): AsyncGenerator<AuditedObject> {
  try {
    for (const namespace of namespaces.length === 0 ? [undefined] : namespaces) {
      for await (const pod of cluster.list(resources.pods, { namespace })) {
        // The API server lists in the order of its keys, which begin with the namespace.
        yield { pod, namespace: pod.metadata.namespace ?? '', isByNamespace: true }
      }
    }
  } catch (error) {
    if (!(error instanceof ClusterError) || error.missing === undefined) throw error
    throw new AppError(
      'ClusterRefused',
      `${error.message}; the ClusterRole model-injector-reader has it; or name a namespace that you may read with -n`,
      { cause: error },
    )
  }
}

/** Small files by namespace, as pods come from a cluster; then each large list as it is, so that it need not fit into memory. */
interface FileContext {
  readonly settings: PodSettings
  readonly cronJobs: CronJobsOfFiles
}

async function* objectsInFiles(
  paths: readonly string[],
  namespaces: readonly string[],
  context: FileContext,
): AsyncGenerator<AuditedObject> {
  const isChosen = ({ namespace }: AuditedObject): boolean => namespaces.length === 0 || namespaces.includes(namespace)
  const files = await openManifestFiles(paths)
  const documents = readDocuments(files.filter((file) => 'text' in file))
  reportBroken(documents)
  const found = documents.flatMap((document) =>
    objectsIn(document).flatMap((object) => {
      context.cronJobs.add(object)
      return auditedObjects(object, document.file, context.settings)
    }),
  )
  // A list may have pods of the same namespaces.
  const isByNamespace = files.every((file) => 'text' in file)
  yield* found
    .filter(isChosen)
    .filter(isKnown)
    .toSorted((a, b) => (a.namespace < b.namespace ? -1 : a.namespace > b.namespace ? 1 : 0))
    .map((object) => ({ ...object, isByNamespace }))
  let count = found.length
  for (const file of files) {
    if ('text' in file) continue
    for await (const object of objectsInList(file, context)) {
      count++
      if (isChosen(object) && isKnown(object)) yield object
    }
  }
  if (count === 0) throw new AppError('InputUnreadable', `${paths.join(', ')}: holds neither a pod nor a workload`)
}

async function* objectsInList(
  { name, chunks }: Extract<OpenedFile, { chunks: unknown }>,
  { settings, cronJobs }: FileContext,
): AsyncGenerator<ReadObject> {
  const { jsonItems } = await import('../manifests/json-items.ts')
  for await (const { list, item } of jsonItems(name, chunks)) {
    const found = objectsOf(list.kind === undefined ? item : { ...list, items: [item] })
    if (found.some(({ kind }) => kind === '')) {
      throw new AppError('InputUnreadable', `${name}: neither an item nor the list before it names its kind`)
    }
    for (const object of found) cronJobs.add(object)
    yield* found.flatMap((object) => auditedObjects(object, name, settings))
  }
}

function auditedObjects(found: FoundObject, file: string, settings: PodSettings): readonly ReadObject[] {
  return podsIn(found, settings).map((read) => auditedObject(read, file))
}

function auditedObject(read: FoundPod, file: string): ReadObject {
  const { of: found, pod, path, part, fieldOf, unknown, annotationPlaces } = read
  const { kind, name, namespace = 'default' } = found
  return {
    pod,
    namespace,
    file,
    fieldOf,
    ...(found.document !== undefined && { lineOf: lineIn(found, found.document, annotationPlaces.at(-1) ?? []) }),
    ...(part !== undefined && { part }),
    ...(unknown !== undefined && { unknown }),
    ...pendingOf(read),
    ...(path?.length !== 0 && { workload: { kind, name: printable(name ?? '(no name)') } }),
  }
}

interface ReadObject extends AuditedObject {
  /** Says which annotation has no value yet. */
  readonly pending?: string
}

function pendingOf(read: FoundPod): Pick<ReadObject, 'pending'> {
  const { title, unknown, isPending } = read
  return unknown !== undefined && isPending === true ? { pending: `${title} ${pendingText(read, unknown)}` } : {}
}

/** Nothing can be judged of values that Argo fills in: they are named, and the command could not look everywhere. */
function isKnown({ pending }: ReadObject): boolean {
  if (pending === undefined) return true
  writeReport(`${pending}\n`)
  process.exitCode ??= exitCodes.couldNotLook
  return false
}

/** The line of the field, or of the annotations where a judgement names none. Only asked for what has a judgement. */
function lineIn(found: FoundObject, document: ManifestDocument, annotations: Path): (field?: string) => number {
  return (field) => {
    const path = field === undefined ? annotations : parseField(field)
    return locate(document, [...found.path, ...path]).line
  }
}

function scopeOf({ namespaces }: AuditSourceOptions): string {
  if (namespaces.length === 0) return 'all namespaces'
  return `${namespaces.length === 1 ? 'namespace' : 'namespaces'} ${namespaces.join(', ')}`
}
