/** The human-readable report of `why`. */
import type { Explanation, InjectionVerdict } from '../../check/why/explain.ts'
import type { Step, StepVerdict } from '../../check/why/step.ts'
import { printable } from '../../values/print/printable.ts'
import { wrapText } from '../../values/print/wrap-text.ts'
import type { Paint } from '../terminal.ts'

export interface WhyStyle {
  readonly width: number
  readonly paint: Paint
}

type Format = Parameters<Paint>[0]

const marks: Readonly<Record<StepVerdict, { readonly word: string; readonly format: Format }>> = {
  passes: { word: 'yes', format: 'green' },
  stops: { word: 'NO', format: ['red', 'bold'] },
  unknown: { word: '-', format: 'dim' },
  fact: { word: '', format: 'dim' },
}

const colors: Readonly<Record<InjectionVerdict, Format>> = {
  injected: ['green', 'bold'],
  'not injected': ['yellow', 'bold'],
  denied: ['red', 'bold'],
}

export function printExplanations(explanations: readonly Explanation[], style: WhyStyle): string {
  return explanations.map((explanation) => printExplanation(explanation, style)).join('\n')
}

function printExplanation(explanation: Explanation, style: WhyStyle): string {
  const { title, namespace, steps, hints, verdict } = explanation
  const { paint, width } = style
  const headline = `${paint('bold', title)} in the namespace ${printable(namespace)} ${paint(colors[verdict], sentence(explanation))}`
  const because = wrapText(printable(explanation.because), width - 2)
    .map((line) => `  ${line}\n`)
    .join('')
  const body = steps.map((step) => printStep(step, style)).join('')
  const ends = hints.map((hint) => printHint(hint, style)).join('')
  return `${headline}\n${because}\n${body}${ends === '' ? '' : `\n${ends}`}`
}

function sentence({ live, verdict }: Explanation): string {
  if (live) return verdict === 'injected' ? 'is injected' : 'is not injected'
  const words: Readonly<Record<InjectionVerdict, string>> = {
    injected: 'would be injected',
    'not injected': 'would not be injected',
    denied: 'would be denied',
  }
  return words[verdict]
}

const markWidth = 5
const idWidth = 20
const indent = ' '.repeat(2 + markWidth + idWidth)

function printStep({ id, verdict, what, details }: Step, { width, paint }: WhyStyle): string {
  const { word, format } = marks[verdict]
  const room = width - indent.length
  const [first = '', ...rest] = wrapText(printable(verdict === 'unknown' ? `not evaluated: ${what}` : what), room)
  const head = `  ${paint(format, word.padEnd(markWidth))}${id.padEnd(idWidth)}${first}`
  const more = details.flatMap((detail) =>
    wrapText(printable(detail), room - 2).map((line, i) => `${i === 0 ? '' : '  '}${line}`),
  )
  return [head, ...[...rest, ...more.map((line) => paint('dim', line))].map((line) => indent + line)]
    .map((line) => `${line}\n`)
    .join('')
}

function printHint(hint: string, { width, paint }: WhyStyle): string {
  return wrapText(printable(hint), width - 8)
    .map((line, i) => `  ${i === 0 ? paint('bold', 'hint') : '    '}  ${line}\n`)
    .join('')
}
