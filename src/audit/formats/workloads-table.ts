/** The audit for people who own workloads: a row for each, the worst first. */
import { printable } from '../../values/print/printable.ts'
import { printRow, type Cell } from '../../values/print/text-table.ts'
import { wrapTextStrictly } from '../../values/print/wrap-text.ts'
import { judgements, type AuditedWorkload } from '../judgement.ts'
import { WorkloadCount } from '../workloads.ts'
import type { Format } from './format.ts'
import { summarise } from './summary-line.ts'

const titles = ['NAMESPACE', 'WORKLOAD', 'PODS', 'WORST', 'JUDGEMENTS']
const worstColumn = 3
const longestName = 60

export const tableOfWorkloads: Format = async function* (pods, context) {
  const { paint, quiet } = context.terminal
  const count = new WorkloadCount()
  for await (const pod of pods) count.add(pod)
  const shown = count.workloads.filter((workload) => !quiet || !isFine(workload))
  const rows = shown.map(cellsOf)
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...rows.flatMap((row) => (row[column] ?? []).map(({ length }) => length))),
  )
  if (rows.length > 0) {
    yield printRow(
      titles.map((title) => [title]),
      widths,
      (title) => paint('title', title),
    )
  }
  for (const [index, row] of rows.entries()) {
    const { level } = judgements[shown[index]?.worst ?? 'conforming']
    yield printRow(row, widths, (text, column) => (column === worstColumn ? paint(level, text) : text))
  }
  yield summarise(context.summary(), context)
}

function cellsOf({ namespace, kind, name, pods, worst, judgements: counts, waived }: AuditedWorkload): readonly Cell[] {
  const counted = Object.entries(counts).map(([judgement, count]) => `${count} ${judgement}`)
  return [
    wrapTextStrictly(printable(namespace), longestName),
    wrapTextStrictly(printable(`${kind}/${name}`), longestName),
    [String(pods)],
    [worst],
    [[...counted, ...(waived > 0 ? [`${waived} waived`] : [])].join(', ')],
  ]
}

function isFine({ worst }: AuditedWorkload): boolean {
  return worst === 'conforming'
}
