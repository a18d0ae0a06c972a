/** `model-injector why`: explains why a pod gets its model, or why not. */
import { Command } from 'commander'
import type { Explanation } from '../check/why/explain.ts'
import { askFacts, factsWithoutCluster, type GivenConfig } from '../check/why/surroundings.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { indexKinds } from '../cluster/kind-index.ts'
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
import { quote } from '../values/print/printable.ts'
import { clusterFlags, useCluster } from './cluster-options.ts'
import { exitCodes, printExitCodes } from './exit-codes.ts'
import { addWordsOfArgument, withFlags } from './flags.ts'
import { configFlag } from './manifest-command.ts'
import { readDocuments, reportBroken } from './manifests/documents.ts'
import { readManifestFiles } from './manifests/input.ts'
import { podsIn } from './manifests/pods.ts'
import { objectsIn, type FoundObject } from './manifests/workloads.ts'
import { readConfig } from './read-config.ts'
import { colorFlag, painter, terminalWidth } from './terminal.ts'
import { askedFor, explainFound, type AdmissionSources } from './why/explain-found.ts'
import { explainLive } from './why/explain-live.ts'
import { findObject, podOwnerWords, readObjectName, type ObjectName } from './why/find-object.ts'
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
  model-injector why deploy/my-app -n apps --server
  model-injector why raycluster chat -n apps
  model-injector why -f deployment.yaml
  model-injector why -f deployment.yaml --config config.yaml -n apps`

export function whyCommand(): Command {
  const command = new Command('why')
    .argument('[pod]', 'name of a pod, or KIND/NAME of what owns pods, as deploy/my-app or raycluster.ray.io/chat')
    .argument('[name]', 'with KIND as the first argument: the name')
    .addHelpText('after', help)
  const problems = ({ filename = [] }: Partial<WhyOptions>, args: readonly string[]): readonly string[] => [
    ...filenameProblems(filename),
    ...problemIf((args.length === 0) === (filename.length === 0), 'name a pod, or a file with -f, and not both'),
    ...problemIf(
      args.length > 0 && readObjectName(args) === undefined,
      `name one object, as POD, KIND/NAME or KIND NAME: ${quote(args.join(' '))} is none of these`,
    ),
  ]
  addWordsOfArgument(command, Object.fromEntries(podOwnerWords.map((word) => [`${word}/`, ''])))
  return withFlags(command, { flags, required: [], problems }, why)
}

async function why(options: WhyOptions, args: readonly string[]): Promise<void> {
  const { filename } = options
  const name = readObjectName(args)
  const given =
    options.config === undefined ? undefined : { config: await readConfig(options.config), place: options.config }
  const explanations =
    name !== undefined
      ? await useCluster(options, (cluster) => explainNamed(cluster, name, given, options))
      : await explainFiles(filename, given, options)
  print(explanations, options)
  process.exitCode = exitCodeOf(explanations)
}

/** Good is only an object whose pods are injected, and about whose state nothing is wrong and nothing unknown. */
function exitCodeOf(explanations: readonly Explanation[]): number {
  if (explanations.length === 0 || explanations.some(isWrong)) return exitCodes.findings
  return explanations.some(isUnknown) ? exitCodes.couldNotLook : exitCodes.good
}

function isWrong({ verdict, state }: Explanation): boolean {
  return (verdict !== 'injected' && verdict !== 'not known') || state?.health === 'wrong'
}

function isUnknown({ verdict, state }: Explanation): boolean {
  return verdict === 'not known' || state?.findings.some(({ severity }) => severity === 'unchecked') === true
}

async function explainNamed(
  cluster: Cluster,
  name: ObjectName,
  given: GivenConfig | undefined,
  options: WhyOptions,
): Promise<readonly Explanation[]> {
  const kinds = indexKinds(cluster)
  const namespace = options.namespace ?? cluster.namespace
  const object = await findObject(cluster, name, namespace, kinds)
  const sources = { facts: await askFacts(cluster, given), server: options.server === true }
  return explainLive(cluster, object, sources, { kinds, namespace })
}

function print(explanations: readonly Explanation[], { output, color }: WhyOptions): void {
  const text =
    output === 'json'
      ? `${JSON.stringify(explanations, null, 2)}\n`
      : printExplanations(explanations, { width: terminalWidth(), paint: painter(color) })
  process.stdout.write(text)
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
  asked: AdmissionSources,
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
