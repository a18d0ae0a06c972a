/** The report of `model-injector policy test`: for people, for scripts, and for CI systems. */
import { create } from 'xmlbuilder2'
import { skipReasons } from '../../reasons.ts'
import { printable } from '../../values/printable.ts'
import { printTable } from '../table.ts'
import { terminalWidth } from '../terminal.ts'
import type { outputNames, PolicyReport, TestedPod } from './options.ts'

export const formats: Readonly<Record<(typeof outputNames)[number], (report: PolicyReport) => string>> = {
  table,
  json,
  junit,
}

/** What has no model is only counted. */
function table({ pods }: PolicyReport): string {
  const rows = pods.flatMap(rowsOf)
  return rows.length === 0 ? '' : printTable(['OBJECT', 'NAMESPACE', 'MODEL', 'VERDICT', 'WHY'], rows, terminalWidth())
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
  const failed = pods.filter(({ asExpected }) => !asExpected).length
  const skipped = pods.filter((pod) => pod.asExpected && pod.verdict === 'skipped').length
  const counts = { tests: pods.length, failures: failed, skipped }
  // Characters that XML cannot hold become question marks.
  const suite = create(
    { invalidCharReplacement: '?' },
    { testsuites: { '@name': 'model-injector policy test', ...attributes(counts) } },
  )
  const element = suite.root().ele('testsuite', { name: config, ...counts })
  for (const pod of pods) {
    const test = element.ele('testcase', { name: pod.title, classname: pod.namespace, file: pod.file })
    const text = describe(pod)
    if (!pod.asExpected) {
      test.ele('failure', { type: pod.reason ?? pod.verdict, message: text[0] ?? pod.verdict }).txt(text.join('\n'))
    } else if (pod.verdict === 'skipped') test.ele('skipped', { message: text[0] ?? '' })
    else test.ele('system-out').txt(text.join('\n'))
  }
  return `${suite.end({ prettyPrint: true })}\n`
}

function attributes(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [`@${name}`, count]))
}

function describe({ models, problems, reason, verdict }: TestedPod): readonly string[] {
  if (verdict === 'skipped') return [`skipped: ${skipReasons[reason as keyof typeof skipReasons]}`]
  return [...problems, ...models.map((model) => `${model.name}: ${wordOf(model)}: ${reasonOf(model)}`)]
}
