/** `model-injector check`: checks an installation. */
import { Command } from 'commander'
import { checkCluster, countBySeverity, findingsOf, type CheckReport } from '../check/check-cluster.ts'
import type { IdentityReport } from '../check/identity/check-identity.ts'
import type { Finding, Severity } from '../diagnosis/finding.ts'
import { oneOf, parseSwitch, parseText, problemIf, type Values } from '../flags/flags.ts'
import { parsed, unreadable, type Parsed } from '../values/parsed.ts'
import { version } from '../version.ts'
import {
  addDeliveryOptions,
  checkNamespaceDelivery,
  deliveryFlag,
  strayDeliveryOptions,
} from './check/check-delivery.ts'
import {
  addIdentityOptions,
  checkServiceAccount,
  strayIdentityOptions,
  type IdentityOptions,
} from './check/check-identity.ts'
import { addPreOptions, checkBeforeInstall, isBefore, strayPreOptions } from './check/check-pre.ts'
import { printReport } from './check/check-report.ts'
import { pointCommands } from './check/point-commands.ts'
import { clusterFlags, useCluster } from './cluster-options.ts'
import { exitCodes, printExitCodes } from './exit-codes.ts'
import { fail, withFlags } from './flags.ts'
import { colorFlag, painter, terminalWidth } from './terminal.ts'

const flags = {
  ...clusterFlags,
  namespace: {
    term: '-n, --namespace <name>',
    description:
      'namespace in which a pod is created as a dry run (default: that of the context); with --pre: that of the release',
    parse: parseText,
  },
  serverUrl: {
    term: '--server-url <url>',
    description:
      'address of the webhook, where its certificate is asked for (default: each replica, through the API server)',
    accepted: 'as https://10.0.3.7:8443',
    parse: parseServerURL,
  },
  output: { term: '-o, --output <format>', description: 'format (default: plain text)', ...oneOf(['json']) },
  color: colorFlag,
  quiet: { term: '-q, --quiet', description: 'report only findings that are not ok', parse: parseSwitch },
  delivery: deliveryFlag,
} as const

type CheckOptions = Values<typeof flags, never>

const help = `
It changes nothing: a pod is created as a dry run only. Facts that may not be read are reported as not checked.
With --identity it calls AWS with the credentials of the shell: it assumes the role as a pod would, lists and reads one byte.

${printExitCodes()}

Examples:
  model-injector check
  model-injector check --pre
  model-injector check --context prod --quiet
  model-injector check -o json | jq '.findings[] | select(.severity == "error")'
  model-injector check --server-url https://10.0.3.7:8443
  model-injector check --delivery claim apps
  model-injector check --delivery claim apps --claim llama --from model-store/llama
  model-injector check --delivery mountpoint apps --source s3://my-ml-bucket/llama/1.2.3/
  model-injector check --identity apps/my-inference-app --role arn:aws:iam::111122223333:role/prod-apps-my-inference-app-models`

export function checkCommand(): Command {
  const command = new Command('check')
    .argument('[namespace]', 'with --delivery: the namespace of the pods (default: that of the context)')
    .addHelpText('after', help)
  withFlags(command, { flags, required: [] }, (options, [namespace]) => check(namespace, options, command))
  return addIdentityOptions(addDeliveryOptions(addPreOptions(command)))
}

async function check(namespace: string | undefined, options: CheckOptions, command: Command): Promise<void> {
  printFindings(await reportOf(namespace, options, command), options)
}

async function reportOf(
  namespace: string | undefined,
  options: CheckOptions,
  command: Command,
): Promise<CheckReport | IdentityReport> {
  const { delivery } = options
  const isIdentity = command.opts<IdentityOptions>().identity !== undefined
  if (isBefore(command)) {
    const stray = [...strayDeliveryOptions(namespace, command, false), ...strayIdentityOptions(command)]
    return checkBeforeInstall(delivery, command, [
      ...stray,
      ...problemIf(isIdentity, '--pre and --identity are two checks: run one after the other'),
    ])
  }
  const strayPre = strayPreOptions(command)
  if (delivery !== undefined) {
    return checkNamespaceDelivery(delivery, namespace, command, [...strayPre, ...strayIdentityOptions(command)])
  }
  const stray = [...strayPre, ...strayDeliveryOptions(namespace, command, isIdentity)]
  return isIdentity ? checkServiceAccount(command, stray) : checkInstallation(options, command, stray)
}

async function checkInstallation(
  options: CheckOptions,
  command: Command,
  stray: readonly string[],
): Promise<CheckReport> {
  const problems = [...stray, ...strayIdentityOptions(command)]
  if (problems.length > 0) fail(problems, command)
  const report = await useCluster(options, (cluster) =>
    checkCluster(cluster, { nowMs: Date.now(), serverURL: options.serverUrl, namespace: options.namespace }),
  )
  return pointCommands(report, options)
}

function printFindings(report: CheckReport | IdentityReport, options: CheckOptions): void {
  const style = { width: terminalWidth(), paint: painter(options.color), quiet: options.quiet === true }
  process.stdout.write(options.output === 'json' ? printJSON(report) : printReport(report, style))
  process.exitCode = isUnanswered(report) ? exitCodes.couldNotLook : exitCodeOf(findingsOf(report))
}

function isUnanswered(report: CheckReport | IdentityReport): boolean {
  return 'serverVersion' in report && report.serverVersion === undefined
}

/** A gate that could not look is no green one. */
function exitCodeOf(findings: readonly Finding[]): number {
  const has = (wanted: Severity): boolean => findings.some(({ severity }) => severity === wanted)
  if (has('error')) return exitCodes.findings
  return has('unchecked') ? exitCodes.couldNotLook : exitCodes.good
}

function printJSON(report: CheckReport | IdentityReport): string {
  const { sections, ...rest } = report
  const subject = 'identity' in rest ? rest : { cluster: rest }
  const findings = sections.flatMap(({ title, findings: own }) =>
    own.map((finding) => ({ ...finding, section: title })),
  )
  return `${JSON.stringify({ version, ...subject, summary: countBySeverity(findings), findings }, null, 2)}\n`
}

function parseServerURL(text: string): Parsed<string> {
  return URL.canParse(text) && new URL(text).protocol === 'https:' ? parsed(text) : unreadable('is no https:// address')
}
