/** `model-injector check`: checks an installation. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { checkCluster, countBySeverity, findingsOf, type CheckReport } from '../check/check-cluster.ts'
import type { IdentityReport } from '../check/identity/check-identity.ts'
import { version } from '../version.ts'
import {
  addDeliveryOptions,
  checkNamespaceDelivery,
  strayDeliveryOptions,
  type DeliveryOptions,
} from './check-delivery.ts'
import {
  addIdentityOptions,
  checkServiceAccount,
  strayIdentityOptions,
  type IdentityOptions,
} from './check-identity.ts'
import { printReport } from './check-report.ts'
import { useCluster, withClusterOptions, type ClusterOptions } from './cluster-options.ts'
import { fail } from './flags.ts'
import { colorChoices, painter, terminalWidth, type ColorChoice } from './terminal.ts'

interface CheckOptions extends ClusterOptions, DeliveryOptions, IdentityOptions {
  readonly namespace?: string
  readonly serverUrl?: string
  readonly output?: 'json'
  readonly color: ColorChoice
  readonly quiet?: true
}

const help = `
It changes nothing: a pod is created as a dry run only. Facts that may not be read are reported as not checked.
With --identity it calls AWS with the credentials of the shell: it assumes the role as a pod would, lists and reads one byte.

Exit codes:
  0  fine, or warnings only
  1  at least one error
  2  the command was not understood

Examples:
  model-injector check
  model-injector check --context prod --quiet
  model-injector check -o json | jq '.findings[] | select(.severity == "error")'
  model-injector check --server-url https://10.0.3.7:8443
  model-injector check --delivery claim apps
  model-injector check --delivery claim apps --claim llama --from model-store/llama
  model-injector check --delivery mountpoint apps --source s3://my-ml-bucket/llama/1.2.3/
  model-injector check --identity apps/my-inference-app --role arn:aws:iam::111122223333:role/prod-apps-my-inference-app-models`

export function checkCommand(): Command {
  const command = withClusterOptions(new Command('check'))
    .description(
      'check the installation in a cluster, what a delivery needs in a namespace, or what a service account may read; and suggest fixes',
    )
    .argument('[namespace]', 'with --delivery: the namespace of the pods (default: that of the context)')
    .option('-n, --namespace <name>', 'namespace in which a pod is created as a dry run (default: that of the context)')
    .option(
      '--server-url <url>',
      'address of the webhook, where its certificate is asked for (default: each replica, through the API server)',
      parseServerURL,
    )
    .addOption(new Option('-o, --output <format>', 'format (default: plain text)').choices(['json']))
    .addOption(new Option('--color <when>', 'colours of the report').choices(colorChoices).default('auto'))
    .option('-q, --quiet', 'report only findings that are not ok')
  return addIdentityOptions(addDeliveryOptions(command)).addHelpText('after', help).action(check)
}

async function check(namespace: string | undefined, options: CheckOptions, command: Command): Promise<void> {
  printFindings(
    options.delivery === undefined
      ? await checkWithoutDelivery(namespace, options, command)
      : await checkNamespaceDelivery(namespace, command, strayIdentityOptions(command)),
    options,
  )
}

async function checkWithoutDelivery(
  namespace: string | undefined,
  options: CheckOptions,
  command: Command,
): Promise<CheckReport | IdentityReport> {
  const isIdentity = options.identity !== undefined
  const stray = strayDeliveryOptions(namespace, command, isIdentity)
  if (isIdentity) return checkServiceAccount(command, stray)
  const problems = [...stray, ...strayIdentityOptions(command)]
  if (problems.length > 0) fail(problems, command)
  return useCluster(options, (cluster) =>
    checkCluster(cluster, { nowMs: Date.now(), serverURL: options.serverUrl, namespace: options.namespace }),
  )
}

function printFindings(report: CheckReport | IdentityReport, options: CheckOptions): void {
  const style = { width: terminalWidth(), paint: painter(options.color), quiet: options.quiet === true }
  process.stdout.write(options.output === 'json' ? printJSON(report) : printReport(report, style))
  if (findingsOf(report).some(({ severity }) => severity === 'error')) process.exitCode = 1
}

function printJSON(report: CheckReport | IdentityReport): string {
  const { sections, ...rest } = report
  const subject = 'identity' in rest ? rest : { cluster: rest }
  const findings = sections.flatMap(({ title, findings: own }) =>
    own.map((finding) => ({ ...finding, section: title })),
  )
  return `${JSON.stringify({ version, ...subject, summary: countBySeverity(findings), findings }, null, 2)}\n`
}

function parseServerURL(text: string): string {
  if (!URL.canParse(text) || new URL(text).protocol !== 'https:') {
    throw new InvalidArgumentError('It is no https:// address.')
  }
  return text
}
