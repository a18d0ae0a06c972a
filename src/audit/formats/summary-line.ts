/** The last line of a table: the counts of the audit, and what was read. */
import { printable } from '../../values/print/printable.ts'
import { judgementNames, type AuditSummary } from '../judgement.ts'
import type { FormatContext } from './format.ts'

export function summarise(summary: AuditSummary, { scope, place, config }: FormatContext): string {
  const counts = judgementNames.filter((name) => summary[name] > 0).map((name) => `${summary[name]} ${name}`)
  const waived = summary.waived > 0 ? [`${summary.waived} waived`] : []
  const pods = `${summary.pods} ${summary.pods === 1 ? 'pod' : 'pods'} with models`
  return `${summary.pods === 0 ? '' : '\n'}${[pods, ...counts, ...waived].join(', ')} (${printable(place)}, ${printable(scope)}; ${printable(config)})\n`
}
