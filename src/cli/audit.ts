/** `model-injector audit`: reports the models of each pod and compares its parts with those of today's configuration. */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Command, InvalidArgumentError, Option } from 'commander'
import { AuditCount, auditPods } from '../audit/audit.ts'
import type { FormatContext } from '../audit/formats/format.ts'
import { formatNames, formats, type FormatName } from '../audit/formats/registry.ts'
import type { AuditedPod, Level } from '../audit/judgement.ts'
import { failures, parseFailOn, problems, type FailOn } from './audit-fail-on.ts'
import { parseListenAddress, servePage, writePage, type AboutAudit, type ListenAddress } from './audit-page.ts'
import { useAuditSource, type AuditSource, type AuditSourceOptions, type Today } from './audit-source.ts'
import { withClusterOptions } from './cluster-options.ts'
import { imageOption } from './read-config.ts'
import { colorChoices, painter, terminalWidth, writeReport, type ColorChoice } from './terminal.ts'

interface AuditCommandOptions extends AuditSourceOptions {
  readonly output?: FormatName
  readonly failOn?: FailOn
  readonly html?: string
  readonly serve?: true
  readonly listen?: ListenAddress
  readonly color: ColorChoice
  readonly quiet?: true
}

const help = `
It changes nothing. In a cluster it needs to list pods, and to read the webhook configuration and what it refers to: the
ClusterRole model-injector-reader allows all of that. With -f and without --config the built-in configuration counts, or that
of the cluster which --context or --kubeconfig names.

--fail-on takes judgements and levels (error, warning, note: that and everything
worse). Judgements: ${problems.join(', ')}.

Exit codes:
  0  audited
  1  could not audit
  2  the command was not understood
  3  audited, and there is what --fail-on names

Examples:
  model-injector audit
  model-injector audit -n apps -n ml --quiet
  model-injector audit --fail-on error
  model-injector audit -f deploy/ --config config.yaml -o sarif --fail-on notAllowed,invalid,unpinned > audit.sarif
  model-injector audit -o policyreport | kubectl apply --server-side -f -
  model-injector audit --html report.html
  model-injector audit --serve`

export function auditCommand(): Command {
  return withClusterOptions(new Command('audit'))
    .description('say which model is in which pod, and which pods are not as they should be')
    .option('-n, --namespace <name>', 'only pods of this namespace; may be repeated', collectNames)
    .addOption(new Option('-A, --all-namespaces', 'pods of all namespaces (default)').conflicts('namespace'))
    .option(
      '-f, --filename <path>',
      'pods and workloads of a file, directory or - for stdin, instead of a cluster; may be repeated',
      collectNames,
    )
    .option('--config <file>', "operator's configuration file (default: that of the cluster)")
    .addOption(imageOption())
    .addOption(
      new Option('-o, --output <format>', 'format (default: table)').choices(formatNames).conflicts(['html', 'serve']),
    )
    .option(
      '--fail-on <judgements>',
      'exit with 3 if a pod is judged so: judgements or levels, with commas',
      parseFailOn,
    )
    .addOption(new Option('--html <file>', 'write a page to look at, in one file; - is stdout').conflicts('serve'))
    .addOption(new Option('--serve', 'serve the page, live').conflicts('failOn'))
    .option(
      '--listen <address>',
      'address of --serve (default: 127.0.0.1 and a free port), as 0.0.0.0:8080',
      parseListenAddress,
    )
    .addOption(new Option('--color <when>', 'colours of the table').choices(colorChoices).default('auto'))
    .option('-q, --quiet', 'leave pods out of the table that conform and are pinned')
    .addHelpText('after', help)
    .action(audit)
}

function collectNames(name: string, names: readonly string[] = []): readonly string[] {
  if (name === '') throw new InvalidArgumentError('It is empty.')
  if (name === '-' && names.includes('-')) throw new InvalidArgumentError('stdin can be read only once.')
  return names.includes(name) ? names : [...names, name]
}

async function audit(options: AuditCommandOptions, command: Command): Promise<void> {
  if (options.listen !== undefined && options.serve === undefined) {
    command.error("error: option '--listen <address>' needs --serve")
  }
  if (options.image !== undefined && options.config === undefined) {
    command.error(
      "error: option '--image <image>' needs --config: in a cluster the webhook's Deployment names the image",
    )
  }
  if (options.serve === true && options.filename?.includes('-') === true) {
    command.error("error: option '--serve' reads again and again, and stdin can be read only once: name a file")
  }
  await useAuditSource(options, (source) => (options.serve === true ? serve(source, options) : print(source, options)))
}

/** An error at the start ends the command; later, the page shows the error and keeps the last audit. */
async function serve(source: AuditSource, { listen }: AuditCommandOptions): Promise<void> {
  let today = await source.today()
  async function* look(): AsyncGenerator<AuditedPod> {
    today = await source.today()
    yield* auditPods(source.objects(), today)
  }
  await servePage({ ...(listen !== undefined && { listen }) }, look, () => aboutOf(source, today))
}

async function print(source: AuditSource, options: AuditCommandOptions): Promise<void> {
  const { failOn, html } = options
  const today = await source.today()
  const about = aboutOf(source, today)
  const count = new AuditCount()
  const counted = count.count(auditPods(source.objects(), today))
  if (html === undefined) await writeText(formats[options.output ?? 'table'](counted, contextOf(about, count, options)))
  else await writePage(html, counted, about)
  const failed = failOn === undefined ? [] : failures(count.summary, failOn)
  if (failed.length === 0) return
  writeReport(`model-injector: failed on ${failed.join(', ')}\n`)
  process.exitCode = 3
}

async function writeText(text: AsyncIterable<string>): Promise<void> {
  try {
    await pipeline(Readable.from(text), process.stdout, { end: false })
  } catch (error) {
    // `| head` closed the pipe.
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
  }
}

function aboutOf({ place, scope }: AuditSource, { config, configPlace }: Today): AboutAudit {
  return { place, scope, config: configPlace, configHash: config.hash }
}

const formatOfLevel = {
  none: 'green',
  note: 'cyan',
  warning: 'yellow',
  error: ['red', 'bold'],
  title: 'bold',
} as const satisfies Record<Level | 'title', unknown>

function contextOf(about: AboutAudit, count: AuditCount, { failOn, color, quiet }: AuditCommandOptions): FormatContext {
  const paint = painter(color)
  return {
    ...about,
    now: new Date(),
    summary: () => count.summary,
    failsOn: ({ judgement }) => failOn?.has(judgement) === true,
    terminal: {
      width: terminalWidth(),
      quiet: quiet === true,
      paint: (level, text) => paint([formatOfLevel[level]].flat(), text),
    },
  }
}
