/** `model-injector why`: explains why a pod gets its model, or why not. */
import { Command } from 'commander'
import { askServer } from '../check/why/ask-server.ts'
import { explainPod, explainUnknown, type Explanation } from '../check/why/explain.ts'
import { ownersOf } from '../check/why/owners.ts'
import type { ExplainedPod } from '../check/why/explained-pod.ts'
import {
  askFacts,
  factsWithoutCluster,
  surroundingsOf,
  type ClusterFacts,
  type GivenConfig,
} from '../check/why/surroundings.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { KubernetesObject, ClusterPod } from '../cluster/objects.ts'
import { resources } from '../cluster/resources.ts'
import { AppError } from '../errors.ts'
import {
  filenameFlag,
  filenameProblems,
  oneOf,
  parseSwitch,
  parseText,
  problemIf,
  type Values,
} from '../flags/flags.ts'
import type { Config } from '../config/config.ts'
import { skipReasonOf } from '../request/skip-reason.ts'
import { clusterFlags, useCluster } from './cluster-options.ts'
import { exitCodes, printExitCodes } from './exit-codes.ts'
import { withFlags } from './flags.ts'
import { misplacedAnnotations } from './judge.ts'
import { configFlag } from './manifest-command.ts'
import { readDocuments, reportBroken } from './manifests/documents.ts'
import { readManifestFiles } from './manifests/input.ts'
import { podsIn, type FoundPod } from './manifests/pods.ts'
import { objectsIn, objectsOf, type FoundObject } from './manifests/workloads.ts'
import { readConfig } from './read-config.ts'
import { colorFlag, painter, terminalWidth } from './terminal.ts'
import { printExplanations } from './why/why-report.ts'

const flags = {
  ...clusterFlags,
  filename: {
    ...filenameFlag,
    description: 'manifest of a pod or workload: file, directory or - for stdin',
  },
  namespace: {
    term: '-n, --namespace <name>',
    description: 'namespace of the pod, and of objects that name none (default: that of the context)',
    parse: parseText,
  },
  config: { ...configFlag, description: "operator's configuration file (default: that of the cluster)" },
  server: {
    term: '--server',
    description: 'ask the API server too: the pod is created as a dry run under another name',
    parse: parseSwitch,
  },
  output: { term: '-o, --output <format>', description: 'format (default: plain text)', ...oneOf(['json']) },
  color: colorFlag,
} as const

type WhyOptions = Values<typeof flags, never>

const help = `
With -f and --config no cluster is asked, unless --server, --context or --kubeconfig says so.

${printExitCodes()}

Examples:
  model-injector why my-app-7d4b9c6f5-x2x9z -n apps
  model-injector why deployment/my-app -n apps --server
  model-injector why -f deployment.yaml
  model-injector why -f deployment.yaml --config config.yaml -n apps`

export function whyCommand(): Command {
  const command = new Command('why')
    .argument('[pod]', 'name of a pod, or KIND/NAME of a workload, as deployment/my-app')
    .addHelpText('after', help)
  const problems = ({ filename = [] }: Partial<WhyOptions>, args: readonly string[]): readonly string[] => [
    ...filenameProblems(filename),
    ...problemIf((args.length === 0) === (filename.length === 0), 'name a pod, or a file with -f, and not both'),
  ]
  return withFlags(command, { flags, required: [], problems }, why)
}

async function why(options: WhyOptions, [name]: readonly string[]): Promise<void> {
  const { filename } = options
  const given =
    options.config === undefined ? undefined : { config: await readConfig(options.config), place: options.config }
  const explanations =
    name !== undefined
      ? await useCluster(options, async (cluster) => [await explainLive(cluster, name, given, options)])
      : await explainFiles(filename, given, options)
  print(explanations, options)
  if (explanations.length === 0 || explanations.some(({ verdict }) => verdict !== 'injected')) {
    process.exitCode = exitCodes.findings
  }
}

function print(explanations: readonly Explanation[], { output, color }: WhyOptions): void {
  const text =
    output === 'json'
      ? `${JSON.stringify(explanations, null, 2)}\n`
      : printExplanations(explanations, { width: terminalWidth(), paint: painter(color) })
  process.stdout.write(text)
}

interface Asked {
  readonly facts: ClusterFacts
  readonly cluster: Cluster | undefined
  readonly server: boolean
}

async function explainFiles(
  paths: readonly string[],
  given: GivenConfig | undefined,
  options: WhyOptions,
): Promise<readonly Explanation[]> {
  const documents = readDocuments(await readManifestFiles(paths))
  reportBroken(documents)
  const found = documents.flatMap(objectsIn)
  if (given !== undefined && isOffline(options)) {
    return explainAll(
      found,
      { facts: factsWithoutCluster(given), cluster: undefined, server: false },
      options.namespace ?? 'default',
      paths.join(', '),
    )
  }
  return useClusterOrSay(options, async (cluster) =>
    explainAll(
      found,
      { facts: await askFacts(cluster, given), cluster, server: options.server === true },
      options.namespace ?? cluster.namespace,
      paths.join(', '),
    ),
  )
}

async function useClusterOrSay<T>(options: WhyOptions, work: (cluster: Cluster) => Promise<T>): Promise<T> {
  return useCluster(options, work).catch((error: unknown) => {
    if (!(error instanceof AppError) || error.code !== 'KubeconfigUnreadable') throw error
    throw new AppError(error.code, `${error.message}; or give --config FILE, so that no cluster is asked`, {
      cause: error,
    })
  })
}

function isOffline({ server, context, kubeconfig }: WhyOptions): boolean {
  return server === undefined && context === undefined && kubeconfig === undefined
}

async function explainAll(
  objects: readonly FoundObject[],
  asked: Asked,
  namespace: string,
  place: string,
): Promise<readonly Explanation[]> {
  const { config } = asked.facts.configuration
  const explanations: Explanation[] = []
  for (const object of objects) {
    const pods = podsIn(object, config)
    for (const pod of askedFor(pods, config)) explanations.push(await explainFound(pod, pods, { asked, namespace }))
  }
  if (explanations.length > 0) return explanations
  throw new AppError('InputUnreadable', `${place}: holds neither a pod nor a workload`)
}

/** If one of several pods asks for a model, the others need none: the head of a cluster beside its workers. */
function askedFor(pods: readonly FoundPod[], { annotationPrefix }: Config): readonly FoundPod[] {
  const asking = pods.filter(({ pod, unknown }) => unknown !== undefined || hasAnnotation(pod, annotationPrefix))
  return asking.length === 0 ? pods : asking
}

function hasAnnotation(pod: unknown, prefix: string): boolean {
  return skipReasonOf(pod, prefix) !== 'NotAnnotated'
}

async function explainFound(
  found: FoundPod,
  pods: readonly FoundPod[],
  { asked, namespace: byDefault, live }: { asked: Asked; namespace: string; live?: ClusterPod | undefined },
): Promise<Explanation> {
  const { title, pod, fieldOf, unknown } = found
  const namespace = found.of.namespace ?? byDefault
  if (unknown !== undefined) return explainUnknown(title, namespace, unknown)
  const explanation = await explainSubject({ title, namespace, pod, fieldOf, live }, asked)
  const { annotationPrefix } = asked.facts.configuration.config
  const misplaced = found === pods[0] ? misplacedAnnotations(found.of, pods, annotationPrefix) : []
  return { ...explanation, hints: [...misplaced, ...explanation.hints] }
}

async function explainSubject(explained: ExplainedPod, { facts, cluster, server }: Asked): Promise<Explanation> {
  const surroundings = await surroundingsOf(facts, cluster, explained.namespace)
  const answer = cluster === undefined || !server ? undefined : await askServer(cluster, explained, surroundings.config)
  return explainPod(explained, surroundings, answer)
}

async function explainLive(
  cluster: Cluster,
  name: string,
  given: GivenConfig | undefined,
  options: WhyOptions,
): Promise<Explanation> {
  const namespace = options.namespace ?? cluster.namespace
  const object = await findObject(cluster, name, namespace)
  const asked = { facts: await askFacts(cluster, given), cluster, server: options.server === true }
  const pods = objectsOf(object).flatMap((of) => podsIn(of, asked.facts.configuration.config))
  const [found] = pods
  if (found === undefined) throw new Error('an object that the API server gave is none')
  const live = object.kind === 'Pod' ? (object as ClusterPod) : undefined
  const explanation = await explainFound(found, pods, { asked, namespace, live })
  if (live === undefined || explanation.verdict === 'injected') return explanation
  return { ...explanation, hints: [...(await misplacedOnOwners(cluster, live, asked.facts)), ...explanation.hints] }
}

const kinds = {
  pod: resources.pods,
  deployment: resources.deployments,
  statefulset: resources.statefulSets,
  daemonset: resources.daemonSets,
  replicaset: resources.replicaSets,
  job: resources.jobs,
  cronjob: resources.cronJobs,
} as const

async function findObject(cluster: Cluster, name: string, namespace: string): Promise<KubernetesObject> {
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

/** A ReplicaSet copies the annotations of its Deployment; the farthest owner is the one that users edit. */
async function misplacedOnOwners(
  cluster: Cluster,
  pod: ClusterPod,
  { configuration }: ClusterFacts,
): Promise<readonly string[]> {
  const { config } = configuration
  const hints = (await ownersOf(cluster, pod)).map((owner) =>
    objectsOf(owner).flatMap((found) =>
      misplacedAnnotations(found, podsIn(found, config), config.annotationPrefix).map(
        (hint) => `${found.title}: ${hint}`,
      ),
    ),
  )
  return hints.findLast(({ length }) => length > 0) ?? []
}
