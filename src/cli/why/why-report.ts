/** The human-readable report of `why`. */
import type { Explanation, InjectionVerdict } from '../../check/why/explain.ts'
import type { LiveObjectState } from '../../check/why/live/live-state.ts'
import type { Step, StepVerdict } from '../../check/why/step.ts'
import { printable } from '../../values/print/printable.ts'
import { wrapText } from '../../values/print/wrap-text.ts'
import { printFinding, type FindingStyle } from '../print-finding.ts'
import type { Paint } from '../terminal.ts'

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

export function printExplanations(explanations: readonly Explanation[], style: FindingStyle): string {
  return explanations.map((explanation) => printExplanation(explanation, style)).join('\n')
}

function printExplanation(explanation: Explanation, style: FindingStyle): string {
  const { title, namespace, steps, hints, state } = explanation
  const { paint, width } = style
  const headline = `${paint('bold', title)} in the namespace ${printable(namespace)} ${paint(colorOf(explanation), sentence(explanation))}`
  const because = wrapText(printable(explanation.because), width - 2)
    .map((line) => `  ${line}\n`)
    .join('')
  const body = steps.map((step) => printStep(step, style)).join('')
  const ends = hints.map((hint) => printHint(hint, style)).join('')
  const found = (state?.findings ?? []).map((finding) => printFinding(finding, style)).join('')
  return `${headline}\n${because}\n${found === '' ? '' : `${found}\n`}${body}${ends === '' ? '' : `\n${ends}`}`
}

function colorOf({ verdict, state }: Explanation): Format {
  if (verdict !== 'injected' || state === undefined) return colors[verdict]
  return state.health === 'wrong' ? ['red', 'bold'] : state.health === 'good' ? ['green', 'bold'] : ['yellow', 'bold']
}

function sentence({ live, verdict, state }: Explanation): string {
  if (live && state !== undefined) return livingSentence(verdict, state)
  const words: Readonly<Record<InjectionVerdict, string>> = {
    injected: 'would be injected',
    'not injected': 'would not be injected',
    denied: 'would be denied',
  }
  return words[verdict]
}

function livingSentence(verdict: InjectionVerdict, { health, what }: LiveObjectState): string {
  if (verdict === 'injected') return `is injected, and ${printable(what)}`
  return health === 'wrong' ? `is not injected, and ${printable(what)}` : 'is not injected'
}

const markWidth = 5
const idWidth = 20
const indent = ' '.repeat(2 + markWidth + idWidth)

function printStep({ id, verdict, what, details }: Step, { width, paint }: FindingStyle): string {
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

function printHint(hint: string, { width, paint }: FindingStyle): string {
  return wrapText(printable(hint), width - 8)
    .map((line, i) => `  ${i === 0 ? paint('bold', 'hint') : '    '}  ${line}\n`)
    .join('')
}
