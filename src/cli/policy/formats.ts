/** The report of `model-injector policy test`: for people, for scripts, and for CI systems. */
import { closeSuites, openSuites, printCase, printSuite } from '../../audit/formats/junit-xml.ts'
import { skipReasons } from '../../reasons.ts'
import { printable } from '../../values/print/printable.ts'
import { printTable } from '../table.ts'
import { terminalWidth } from '../terminal.ts'
import type { outputNames, PolicyReport, TestedPod } from './options.ts'

export const policyFormats: Readonly<Record<(typeof outputNames)[number], (report: PolicyReport) => string>> = {
  table,
  json,
  junit,
}

/** Pods without a model have no row; they are only counted. */
function table({ pods }: PolicyReport): string {
  const rows = pods.flatMap(rowsOf)
  return rows.length === 0
    ? ''
    : printTable(['OBJECT', 'NAMESPACE', 'MODEL', 'VERDICT', 'REASON'], rows, terminalWidth())
}

function rowsOf(pod: TestedPod): readonly (readonly string[])[] {
  const { title, namespace, mode, models, problems } = pod
  const place = [title, printable(namespace)]
  if (problems.length > 0) return problems.map((problem) => [...place, '-', 'denied', problem])
  return models.map((model) => [
    ...place,
    model.name,
    `${wordOf(model)}${mode === 'audit' && model.verdict !== 'allowed' ? ' (audit)' : ''}`,
    reasonOf(model),
  ])
}

function wordOf({ verdict }: TestedPod['models'][number]): 'allowed' | 'denied' {
  return verdict === 'allowed' ? 'allowed' : 'denied'
}

function reasonOf({ allowedBy, verdict, why = '', remedy, source }: TestedPod['models'][number]): string {
  if (verdict === 'allowed') {
    return `${allowedBy === undefined ? 'no rule is needed' : `rule ${printable(allowedBy)} allows it`}: ${printable(source)}`
  }
  return remedy === undefined ? why : `${why}; ${remedy}`
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

function junit({ config, pods }: PolicyReport): string {
  const failures = pods.filter(({ asExpected }) => !asExpected).length
  const skipped = pods.filter((pod) => pod.asExpected && pod.verdict === 'skipped').length
  const counts = { tests: pods.length, failures, skipped }
  const suite = printSuite({ name: config, ...counts }, pods.map(printTested))
  return `${openSuites({ name: 'model-injector policy test', ...counts })}${suite}${closeSuites}`
}

function printTested(pod: TestedPod): string {
  const { title, namespace, file, asExpected, reason, verdict } = pod
  const lines = describe(pod)
  const message = lines[0] ?? verdict
  return printCase({
    name: title,
    classname: namespace,
    file,
    ...(asExpected
      ? verdict === 'skipped'
        ? { skipped: message }
        : { output: lines }
      : { failure: { type: reason ?? verdict, message, lines } }),
  })
}

function describe({ models, problems, reason, verdict }: TestedPod): readonly string[] {
  if (verdict === 'skipped') return [`skipped: ${skipReasons[reason as keyof typeof skipReasons]}`]
  return [...problems, ...models.map((model) => `${model.name}: ${wordOf(model)}: ${reasonOf(model)}`)]
}
