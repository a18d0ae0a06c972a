/** The human-readable report of `why`. */
import type { Explanation, InjectionVerdict } from '../../check/why/explain.ts'
import type { Health, LiveFinding, LiveObjectState } from '../../check/why/live/live-state.ts'
import type { Step, StepVerdict } from '../../check/why/step.ts'
import { enumerate, printable } from '../../values/print/printable.ts'
import { wrapText } from '../../values/print/wrap-text.ts'
import { printFinding, type FindingStyle } from '../print-finding.ts'
import { printTable } from '../table.ts'
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
  'not known': ['yellow', 'bold'],
}

export function printExplanations(explanations: readonly Explanation[], style: FindingStyle): string {
  return explanations.map((explanation) => printExplanation(explanation, style)).join('\n')
}

function printExplanation(explanation: Explanation, style: FindingStyle): string {
  const { steps, hints, state } = explanation
  const body = steps.map((step) => printStep(step, style)).join('')
  const ends = hints.map((hint) => printHint(hint, style)).join('')
  const parts =
    state?.pods === undefined
      ? [printHead(explanation, style), ...(state === undefined ? [] : [printFindings(state.findings, style)])]
      : [...printOwner(explanation, state, style), printTemplate(explanation, style)]
  return [...parts, body, ends].filter((text) => text !== '').join('\n')
}

function printHead(explanation: Explanation, style: FindingStyle): string {
  return `${nameOf(explanation, style)} ${style.paint(colorOf(explanation), sentence(explanation))}\n${printReason(explanation, style)}`
}

function nameOf({ title, namespace }: Explanation, { paint }: FindingStyle): string {
  return `${paint('bold', title)} in the namespace ${printable(namespace)}`
}

function printReason({ because }: Explanation, { width }: FindingStyle): string {
  return wrapText(printable(because), width - 2)
    .map((line) => `  ${line}\n`)
    .join('')
}

function printFindings(findings: readonly LiveFinding[], style: FindingStyle): string {
  return findings.map((finding) => printFinding(finding, style)).join('')
}

/** An object that owns pods: how these are comes before what a new one would get. */
function printOwner(explanation: Explanation, state: LiveObjectState, style: FindingStyle): readonly string[] {
  const { paint } = style
  const shown = state.pods?.shown
  const own = state.findings.filter(({ id }) => id.startsWith('workload-'))
  const ofPod = state.findings.filter(({ id }) => !id.startsWith('workload-'))
  return [
    `${nameOf(explanation, style)}: ${paint(healthColors[state.health], printable(state.what))}\n`,
    printFindings(own, style),
    printGroups(state, style),
    shown === undefined ? '' : `Pod ${paint('bold', printable(shown))}\n${printFindings(ofPod, style)}`,
  ]
}

function printGroups(
  { pods: { count, groups } = { count: 0, groups: [], shown: '' } }: LiveObjectState,
  { width }: FindingStyle,
): string {
  if (groups.length < 2) return ''
  const rows = groups.map((group) => {
    const names = `${enumerate(group.names)}${group.count > group.names.length ? ', …' : ''}`
    return [`  ${group.count} of ${count}`, printable(`${group.what} (${names})`)]
  })
  return printTable(undefined, rows, width)
}

function printTemplate(explanation: Explanation, style: FindingStyle): string {
  const { verdict, steps } = explanation
  const words = steps.length === 0 ? 'cannot be known' : hypothetical[verdict]
  return `A new pod ${style.paint(colors[verdict], words)}\n${printReason(explanation, style)}`
}

const healthColors: Readonly<Record<Health, Format>> = {
  good: ['green', 'bold'],
  starting: ['yellow', 'bold'],
  unknown: ['yellow', 'bold'],
  wrong: ['red', 'bold'],
}

const hypothetical: Readonly<Record<InjectionVerdict, string>> = {
  injected: 'would be injected',
  'not injected': 'would not be injected',
  denied: 'would be denied',
  'not known': 'cannot be judged yet',
}

function colorOf({ verdict, state }: Explanation): Format {
  return verdict !== 'injected' || state === undefined ? colors[verdict] : healthColors[state.health]
}

function sentence({ live, verdict, state }: Explanation): string {
  return live && state !== undefined ? livingSentence(verdict, state) : hypothetical[verdict]
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
