/** The human-readable report of `check`, and the tables of checks for the docs. */
import { countBySeverity, findingsOf, type CheckReport } from '../../check/check-cluster.ts'
import type { Section } from '../../diagnosis/section.ts'
import type { CheckRow } from '../../diagnosis/check-row.ts'
import type { IdentityReport } from '../../check/identity/check-identity.ts'
import { severities, type Severity } from '../../diagnosis/finding.ts'
import { formatOf, printFinding, type FindingStyle } from '../print-finding.ts'
import { printMarkdownTable } from '../table.ts'

export interface ReportStyle extends FindingStyle {
  /** Hides findings that are ok. */
  readonly quiet: boolean
}

const summaries: Readonly<Record<Severity, string>> = {
  ok: 'ok',
  warning: 'warnings',
  error: 'errors',
  unchecked: 'not checked',
}

export function printReport(report: CheckReport | IdentityReport, style: ReportStyle): string {
  const sections = report.sections.map((section) => printSection(section, style)).filter((text) => text !== '')
  return `${['identity' in report ? printIdentity(report, style) : printCluster(report, style), ...sections, summarise(report, style)].join('\n')}\n`
}

function printCluster({ server, context, serverVersion, username }: CheckReport, { paint }: ReportStyle): string {
  const facts = [
    `context ${context}`,
    ...(username === undefined ? [] : [`as ${username}`]),
    ...(serverVersion === undefined ? [] : [serverVersion]),
  ]
  return `${paint('bold', server)} (${facts.join(', ')})\n`
}

function printIdentity(
  { identity: { namespace, serviceAccount, role, clusterArn } }: IdentityReport,
  { paint }: ReportStyle,
): string {
  const facts = [
    ...(role === undefined ? [] : [`role ${role}`]),
    ...(clusterArn === undefined ? [] : [`cluster ${clusterArn}`]),
  ]
  return `${[paint('bold', `${namespace}/${serviceAccount}`), ...facts.map((fact) => `  ${fact}`)].join('\n')}\n`
}

function printSection({ title, findings }: Section, style: ReportStyle): string {
  const shown = style.quiet ? findings.filter(({ severity }) => severity !== 'ok') : findings
  if (shown.length === 0) return ''
  return `${style.paint('bold', title)}\n${shown.map((finding) => printFinding(finding, style)).join('')}`
}

function summarise(report: CheckReport | IdentityReport, { paint }: ReportStyle): string {
  const counts = countBySeverity(findingsOf(report))
  return severities
    .filter((severity) => counts[severity] > 0)
    .map((severity) => {
      const summary = summaries[severity]
      return paint(
        formatOf(severity),
        `${counts[severity]} ${counts[severity] === 1 ? summary.replace(/^(warning|error)s$/, '$1') : summary}`,
      )
    })
    .join(', ')
}

/** Without the remedies: the report has them, with the names and commands of the case. */
export function checksInMarkdown(checks: Readonly<Record<string, CheckRow>>): string {
  const rows = Object.entries(checks).map(([id, { about, why }]) => [`\`${id}\``, about, why])
  return printMarkdownTable(['Id', 'Expected state', 'Reason'], rows)
}
