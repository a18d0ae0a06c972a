/** A verdict about a model in words, for every form of the report. */
import { printable } from '../../values/print/printable.ts'
import type { TestedPod } from './options.ts'

export function wordOfVerdict({ verdict }: TestedPod['models'][number]): 'allowed' | 'denied' {
  return verdict === 'allowed' ? 'allowed' : 'denied'
}

export function reasonOfVerdict({ allowedBy, verdict, why = '', remedy, source }: TestedPod['models'][number]): string {
  if (verdict === 'allowed') {
    return `${allowedBy === undefined ? 'no rule is needed' : `rule ${printable(allowedBy)} allows it`}: ${printable(source)}`
  }
  return remedy === undefined ? why : `${why}; ${remedy}`
}
