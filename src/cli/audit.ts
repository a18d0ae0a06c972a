/** `model-injector audit`: reports the models of each pod and compares its parts with those of today's configuration. */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Command } from 'commander'
import { AuditCount, auditPods } from '../audit/audit.ts'
import type { FormatContext } from '../audit/formats/format.ts'
import { formatNames, auditFormats } from '../audit/formats/registry.ts'
import { problemNames, type AuditedPod, type Level } from '../audit/judgement.ts'
import {
  filenameFlag,
  filenameProblems,
  oneOf,
  parseSwitch,
  parseText,
  problemIf,
  problemsOfBoth,
  type Values,
} from '../flags/flags.ts'
import { failOnWords, failures, parseFailOn } from './audit/fail-on.ts'
import { parseListenAddress } from './audit/listen-address.ts'
import type { ReadWaivers } from './audit/read-waivers.ts'
import type { AboutAudit } from '../audit/page/page-data.ts'
import { useAuditSource, type AuditSource, type Today } from './audit/audit-source.ts'
import { clusterFlags } from './cluster-options.ts'
import { exitCodes, printExitCodes } from './exit-codes.ts'
import { withFlags } from './flags.ts'
import { configFlag } from './manifest-command.ts'
import { imageFlag } from './read-config.ts'
import { colorFlag, isPipe, painter, terminalWidth, writeReport } from './terminal.ts'

const flags = {
  ...clusterFlags,
  namespace: {
    term: '-n, --namespace <name>',
    description: 'only pods of this namespace',
    parse: parseText,
    many: true,
  },
  allNamespaces: { term: '-A, --all-namespaces', description: 'pods of all namespaces (default)', parse: parseSwitch },
  filename: {
    ...filenameFlag,
    description: 'pods and workloads of a file, directory or - for stdin, instead of a cluster',
  },
  config: { ...configFlag, description: "operator's configuration file (default: that of the cluster)" },
  image: imageFlag,
  output: { term: '-o, --output <format>', description: 'format (default: table)', ...oneOf(formatNames) },
  by: {
    term: '--by <what>',
    description: 'rows of the table and of json: pod (default) or workload',
    ...oneOf(['pod', 'workload'] as const),
  },
  waivers: {
    term: '--waivers <file>',
    description: 'judgements that are accepted: for which pods, why, and until when',
    parse: parseText,
  },
  failOn: {
    term: '--fail-on <judgements>',
    description: 'exit with 1 if a pod is judged so: judgements or levels, with commas',
    parse: parseFailOn,
    suggested: failOnWords,
    list: true,
  },
  html: {
    term: '--html <file>',
    description: 'write a page to look at, in one file; - is stdout',
    parse: parseText,
  },
  serve: { term: '--serve', description: 'serve the page, live', parse: parseSwitch },
  listen: {
    term: '--listen <address>',
    description: 'address of --serve (default: 127.0.0.1 and a free port), as 0.0.0.0:8080',
    accepted: 'ADDRESS:PORT, or a port of 127.0.0.1',
    parse: parseListenAddress,
  },
  color: { ...colorFlag, description: 'colours of the table' },
  quiet: {
    term: '-q, --quiet',
    description: 'leave pods out of the table that conform and are pinned',
    parse: parseSwitch,
  },
} as const

type AuditCommandOptions = Values<typeof flags, never>

const help = `
It changes nothing. In a cluster it needs to list pods, and to read the webhook configuration and what it refers to: the
ClusterRole model-injector-reader allows all of that. With -f and without --config the built-in configuration counts, or that
of the cluster which --context or --kubeconfig names.

--fail-on takes judgements and levels (error, warning, note: that and everything
worse). Judgements: ${problemNames.join(', ')}.

${printExitCodes()}

Examples:
  model-injector audit
  model-injector audit -n apps -n ml --quiet
  model-injector audit --by workload --quiet
  model-injector audit --fail-on error --waivers waivers.yaml
  model-injector audit -f deploy/ --config config.yaml -o sarif --fail-on notAllowed,invalid,unpinned > audit.sarif
  model-injector audit -o policyreport | kubectl apply --server-side --force-conflicts -f -
  model-injector audit --html report.html
  model-injector audit --serve`

export function auditCommand(): Command {
  const command = new Command('audit').addHelpText('after', help)
  return withFlags(command, { flags, required: [], problems: problemsOf }, audit)
}

function problemsOf({
  namespace = [],
  allNamespaces,
  filename = [],
  output,
  by,
  failOn,
  html,
  serve,
  listen,
  config,
  image,
}: Partial<AuditCommandOptions>): readonly string[] {
  const [isPage, isServed] = [html !== undefined, serve !== undefined]
  return [
    ...filenameProblems(filename),
    ...problemsOfBoth({ '--namespace': namespace.length > 0, '--all-namespaces': allNamespaces !== undefined }),
    ...problemsOfBoth({ '--serve': isServed, '--html': isPage, '--output': output !== undefined }),
    ...problemsOfBoth({ '--serve': isServed, '--fail-on': failOn !== undefined }),
    ...problemIf(
      by === 'workload' && (isPage || isServed || !['table', 'json'].includes(output ?? 'table')),
      '--by workload is for -o table and -o json: all others show pods',
    ),
    ...problemIf(listen !== undefined && !isServed, '--listen needs --serve'),
    ...problemIf(
      image !== undefined && config === undefined,
      "--image needs --config: in a cluster the webhook's Deployment names the image",
    ),
    ...problemIf(isServed && filename.includes('-'), '--serve reads again and again, and stdin only once: name a file'),
  ]
}

async function audit(options: AuditCommandOptions): Promise<void> {
  const { kubeconfig, context, config, image, waivers, namespace, filename } = options
  const from = {
    kubeconfig,
    context,
    config,
    image,
    waivers,
    namespaces: [...new Set(namespace)],
    files: [...new Set(filename)],
  }
  await useAuditSource(from, (source) => (options.serve === true ? serve(source, options) : print(source, options)))
}

/** An error at the start ends the command; later, the page shows the error and keeps the last audit. */
async function serve(source: AuditSource, { listen }: AuditCommandOptions): Promise<void> {
  let today = await source.today()
  if (today.waivers !== undefined) await reportWaivers(today.waivers)
  async function* look(): AsyncGenerator<AuditedPod> {
    today = await source.today()
    yield* auditPods(source.objects(today.config), today)
  }
  const { servePage } = await import('./audit/write-page.ts')
  await servePage({ listen }, look, () => aboutOf(source, today))
}

async function print(source: AuditSource, options: AuditCommandOptions): Promise<void> {
  const { failOn, html } = options
  const today = await source.today()
  const about = aboutOf(source, today)
  const count = new AuditCount()
  const counted = count.count(auditPods(source.objects(today.config), today))
  const format = auditFormats[options.output ?? 'table']
  if (html === undefined) await writeText(format(counted, contextOf(about, count, options)))
  else await (await import('./audit/write-page.ts')).writePage(html, counted, about)
  if (today.waivers !== undefined) await reportWaivers(today.waivers, options.namespace)
  const failed = failOn === undefined ? [] : [...failures(count.summary, failOn), ...unjudged(count)]
  if (failed.length === 0) return
  writeReport(`model-injector: failed on ${failed.join(', ')}\n`)
  process.exitCode = exitCodes.findings
}

/** With the namespaces that were read, also those that were not used. */
async function reportWaivers(waivers: ReadWaivers, namespaces?: readonly string[]): Promise<void> {
  const { reportExpired, reportUnused } = await import('./audit/read-waivers.ts')
  reportExpired(waivers)
  if (namespaces !== undefined) reportUnused(waivers, namespaces)
}

/** A gate is red when it could not look. */
function unjudged({ unjudged: number }: AuditCount): readonly string[] {
  return number === 0 ? [] : [`${number} that cannot be judged`]
}

async function writeText(text: AsyncIterable<string>): Promise<void> {
  try {
    await pipeline(Readable.from(text), process.stdout, { end: false })
  } catch (error) {
    // `| head` closed the pipe.
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
  }
}

function aboutOf({ place, scope }: AuditSource, { config, configPlace, waivers }: Today): AboutAudit {
  return {
    place,
    scope,
    config: configPlace,
    configHash: config.hash,
    ...(waivers !== undefined && { waivers: waivers.about }),
  }
}

const formatOfLevel = {
  none: 'green',
  note: 'cyan',
  warning: 'yellow',
  error: ['red', 'bold'],
  title: 'bold',
} as const satisfies Record<Level | 'title', unknown>

function contextOf(
  about: AboutAudit,
  count: AuditCount,
  { failOn, by = 'pod', color, quiet }: AuditCommandOptions,
): FormatContext {
  const paint = painter(color)
  return {
    ...about,
    now: new Date(),
    summary: () => count.summary,
    failsOn: ({ judgement }) => failOn?.has(judgement) === true,
    by,
    terminal: {
      width: terminalWidth(),
      isPipe: isPipe(),
      quiet: quiet === true,
      paint: (level, text) => paint([formatOfLevel[level]].flat(), text),
    },
  }
}
