/** The human-readable report of `check`, and the tables of checks for the docs. */
import { countBySeverity, findingsOf, type CheckReport } from '../../check/check-cluster.ts'
import type { Section } from '../../diagnosis/section.ts'
import type { CheckRow } from '../../diagnosis/check-row.ts'
import type { IdentityReport } from '../../check/identity/check-identity.ts'
import { severities, type Finding, type Severity } from '../../diagnosis/finding.ts'
import { printable } from '../../values/print/printable.ts'
import { wrapText } from '../../values/print/wrap-text.ts'
import { printMarkdownTable } from '../table.ts'
import type { Paint } from '../terminal.ts'

export interface ReportStyle {
  readonly width: number
  readonly paint: Paint
  /** Hides findings that are ok. */
  readonly quiet: boolean
}

const marks: Readonly<
  Record<Severity, { readonly word: string; readonly format: Parameters<Paint>[0]; readonly summary: string }>
> = {
  ok: { word: 'ok', format: 'green', summary: 'ok' },
  warning: { word: 'warning', format: 'yellow', summary: 'warnings' },
  error: { word: 'ERROR', format: ['red', 'bold'], summary: 'errors' },
  unchecked: { word: '-', format: 'dim', summary: 'not checked' },
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

const markWidth = 9
const idWidth = 21
const indent = ' '.repeat(2 + markWidth)

function printFinding(
  { id, severity, what, why, remedy, commands = [] }: Finding,
  { width, paint }: ReportStyle,
): string {
  const { word, format } = marks[severity]
  const head = `  ${paint(format, word.padEnd(markWidth))}${id.padEnd(idWidth)}`
  const text = severity === 'unchecked' ? `not checked: ${what}` : what
  // Contains untrusted names, expressions and answers.
  const [first = '', ...rest] = wrapText(printable(text), width - indent.length - idWidth)
  const body = [
    `${head}${dimIf(severity === 'unchecked', first, paint)}`,
    ...rest.map((line) => `${indent}${' '.repeat(idWidth)}${dimIf(severity === 'unchecked', line, paint)}`),
  ]
  const hints = [printHint('why', why, width, paint), printHint('fix', remedy, width, paint)].flat()
  // Commands are not wrapped, so that they can be copied: a terminal's own line break is not copied.
  const runs = commands.map((command) => `${indent}      ${printable(command)}`)
  return [...body, ...hints, ...runs].map((line) => `${line}\n`).join('')
}

function dimIf(isDim: boolean, text: string, paint: Paint): string {
  return isDim ? paint('dim', text) : text
}

function printHint(label: string, text: string | undefined, width: number, paint: Paint): readonly string[] {
  if (text === undefined) return []
  const room = indent.length + 6
  return wrapText(printable(text), width - room).map(
    (line, i) => `${indent}${i === 0 ? paint('bold', label.padEnd(6)) : ' '.repeat(6)}${line}`,
  )
}

function summarise(report: CheckReport | IdentityReport, { paint }: ReportStyle): string {
  const counts = countBySeverity(findingsOf(report))
  return severities
    .filter((severity) => counts[severity] > 0)
    .map((severity) => {
      const { format, summary } = marks[severity]
      return paint(
        format,
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
