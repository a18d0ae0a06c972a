/** The audit for people: a row for each pod, and below it why it does not conform. Rows are laid out in pages, so that the first come at once. */
import { printable } from '../../values/print/printable.ts'
import { columnGap, printRow } from '../../values/print/text-table.ts'
import { wrapTextStrictly } from '../../values/print/wrap-text.ts'
import {
  conforms,
  judgedInWords,
  levelOf,
  countedProblemsOf,
  waivedOf,
  type AuditedPod,
  type Judged,
} from '../judgement.ts'
import type { Format, Terminal } from './format.ts'
import { summarise } from './summary-line.ts'
import { tableOfWorkloads } from './workloads-table.ts'

const rowsPerPage = 200
const longestSource = 300

export const table: Format = (pods, context) =>
  context.by === 'pod' ? tableOfPods(pods, context) : tableOfWorkloads(pods, context)

const tableOfPods: Format = async function* (pods, context) {
  const { terminal, summary } = context
  let page: AuditedPod[] = []
  let widths: Widths | undefined
  const print = (): string => {
    const isFirst = widths === undefined
    widths ??= widthsFor(page, terminal)
    const text = page.length === 0 ? '' : printPage(page, widths, { terminal, head: isFirst })
    page = []
    return text
  }
  for await (const pod of pods) {
    if (terminal.quiet && isFine(pod)) continue
    page.push(pod)
    if (page.length === rowsPerPage) yield print()
  }
  const last = print()
  if (last !== '') yield last
  yield summarise(summary(), context)
}

/** The judgements take what they need; the model gets what is left. */
type Widths = readonly [namespace: number, pod: number, model: number, judgements: number]

const indent = '    '

function widthsFor(pods: readonly AuditedPod[], { width, isPipe }: Terminal): Widths {
  const widest = (cell: (pod: AuditedPod) => string, least: number, most: number): number =>
    Math.max(least, Math.min(most, Math.max(0, ...pods.map((pod) => cell(pod).length))))
  const namespace = widest((pod) => pod.namespace, 9, Math.floor(width / 6))
  const name = widest((pod) => pod.name, 12, Math.floor(width / 3))
  const judgements = widest((pod) => wordsOf(pod).join(', '), 10, Math.floor(width / 4))
  const room = Math.max(20, width - namespace - name - judgements - 3 * columnGap)
  const sources = widest(
    (pod) => sourcesOf(pod).toSorted((a, b) => b.length - a.length)[0] ?? '',
    room,
    2 * longestSource,
  )
  return [namespace, name, isPipe ? sources : room, judgements]
}

const judgementColumn = 3

function printPage(
  pods: readonly AuditedPod[],
  widths: Widths,
  { terminal, head }: { readonly terminal: Terminal; readonly head: boolean },
): string {
  const titles = [['NAMESPACE'], ['POD'], ['MODEL'], ['JUDGEMENT']]
  const printed = head ? [printRow(titles, widths, (title) => terminal.paint('title', title))] : []
  for (const pod of pods) {
    printed.push(printPod(pod, widths, terminal))
    for (const judged of [...countedProblemsOf(pod), ...(terminal.quiet ? [] : waivedOf(pod))]) {
      printed.push(printReason(judged, widths, terminal))
    }
  }
  return printed.join('')
}

function printPod(pod: AuditedPod, widths: Widths, { paint }: Terminal): string {
  const [namespace, name, model, judgements] = widths
  const [worst] = pod.judgements
  const sources = sourcesOf(pod)
  const cells = [
    wrapTextStrictly(printable(pod.namespace), namespace),
    wrapTextStrictly(printable(pod.name), name),
    (sources.length > 0 ? sources : ['-']).flatMap((line) => wrapTextStrictly(line, model)),
    wrapTextStrictly(wordsOf(pod).join(', '), judgements),
  ]
  return printRow(cells, widths, (text, column) => (column === judgementColumn ? paint(levelOf(worst), text) : text))
}

function sourcesOf({ models }: AuditedPod): readonly string[] {
  return models.map(({ source }) =>
    printable(source.length > longestSource ? `${source.slice(0, longestSource)}...` : source),
  )
}

function printReason(judged: Judged, widths: Widths, { paint, width: most }: Terminal): string {
  const ofTable = widths.reduce((sum, column) => sum + column + columnGap, -columnGap)
  const width = Math.min(most, ofTable) - indent.length
  const [first = '', ...rest] = wrapTextStrictly(judgedInWords(judged), width)
  const painted = first.replace(
    judged.judgement,
    paint(judged.waived === undefined ? levelOf(judged) : 'none', judged.judgement),
  )
  return [painted, ...rest].map((line) => `${indent}${line}\n`).join('')
}

function wordsOf({ judgements }: AuditedPod): readonly string[] {
  return judgements.map(({ judgement, waived }) => (waived === undefined ? judgement : `${judgement} (waived)`))
}

function isFine(pod: AuditedPod): boolean {
  return conforms(pod) && countedProblemsOf(pod).length === 0
}
