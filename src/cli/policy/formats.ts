/** The report of `model-injector policy test`: for people, for scripts, and for CI systems. */
import { printable } from '../../values/print/printable.ts'
import { reasonOfVerdict, wordOfVerdict } from './verdict-text.ts'
import { printTable } from '../table.ts'
import { terminalWidth } from '../terminal.ts'
import type { outputNames, PolicyReport, TestedPod } from './options.ts'

type PolicyFormat = (report: PolicyReport) => string | Promise<string>

export const policyFormats: Readonly<Record<(typeof outputNames)[number], PolicyFormat>> = {
  table,
  json,
  // Its library of XML takes longer to load than all else.
  junit: async (report) => (await import('./junit.ts')).printJunit(report),
}

/** Pods without a model have no row; they are only counted. */
function table({ pods }: PolicyReport): string {
  const rows = pods.flatMap(rowsOf)
  return rows.length === 0
    ? ''
    : printTable(['OBJECT', 'NAMESPACE', 'MODEL', 'VERDICT', 'REASON'], rows, terminalWidth())
}

function rowsOf(pod: TestedPod): readonly (readonly string[])[] {
  const { title, namespace, verdict, mode, models, problems } = pod
  const place = [title, printable(namespace)]
  if (problems.length > 0) return problems.map((problem) => [...place, '-', verdict, problem])
  return models.map((model) => [
    ...place,
    model.name,
    `${wordOfVerdict(model)}${mode === 'audit' && model.verdict !== 'allowed' ? ' (audit)' : ''}`,
    reasonOfVerdict(model),
  ])
}

function json(report: PolicyReport): string {
  const pods = report.pods.map(({ models, ...pod }) => ({
    ...pod,
    models: models.map(({ name, source, verdict, allowedBy, refusedBy, why, remedy }) => ({
      name,
      source,
      verdict: verdict === 'allowed' ? 'allowed' : 'denied',
      allowedBy,
      refusedBy,
      why,
      remedy,
    })),
  }))
  return `${JSON.stringify({ ...report, pods }, undefined, 2)}\n`
}
