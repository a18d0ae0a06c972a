/** Findings as people read them: mark, id, what was found, why that matters, and what to do. */
import type { Finding, Severity } from '../diagnosis/finding.ts'
import { printable } from '../values/print/printable.ts'
import { wrapText } from '../values/print/wrap-text.ts'
import type { Paint } from './terminal.ts'

export interface FindingStyle {
  readonly width: number
  readonly paint: Paint
}

type Format = Parameters<Paint>[0]

const marks: Readonly<Record<Severity, { readonly word: string; readonly format: Format }>> = {
  ok: { word: 'ok', format: 'green' },
  warning: { word: 'warning', format: 'yellow' },
  error: { word: 'ERROR', format: ['red', 'bold'] },
  unchecked: { word: '-', format: 'dim' },
}

export function formatOf(severity: Severity): Format {
  return marks[severity].format
}

const markWidth = 9
const idWidth = 21
const indent = ' '.repeat(2 + markWidth)

/** `details` are further lines of what was found. */
export function printFinding(
  { id, severity, what, why, remedy, commands = [], details = [] }: Finding & { readonly details?: readonly string[] },
  { width, paint }: FindingStyle,
): string {
  const { word, format } = marks[severity]
  const head = `  ${paint(format, word.padEnd(markWidth))}${id.padEnd(idWidth)}`
  const text = severity === 'unchecked' ? `not checked: ${what}` : what
  // Contains untrusted names, expressions and answers.
  const lines = [text, ...details].flatMap((line) => wrapText(printable(line), width - indent.length - idWidth))
  const [first = '', ...rest] = lines
  const body = [
    `${head}${dimIf(severity === 'unchecked', first, paint)}`,
    ...rest.map((line) => `${indent}${' '.repeat(idWidth)}${dimIf(severity === 'unchecked', line, paint)}`),
  ]
  const hints = [printHint('why', why, width, paint), printHint('fix', remedy, width, paint)].flat()
  // Commands are not wrapped, so that they can be copied: a terminal's own line break is not copied.
  const runs = commands.map((command) => `${indent}      ${printable(command)}`)
  return [...body, ...hints, ...runs].map((line) => `${line}\n`).join('')
}

function dimIf(isDim: boolean, text: string, paint: Paint): string {
  return isDim ? paint('dim', text) : text
}

function printHint(label: string, text: string | undefined, width: number, paint: Paint): readonly string[] {
  if (text === undefined) return []
  const room = indent.length + 6
  return wrapText(printable(text), width - room).map(
    (line, i) => `${indent}${i === 0 ? paint('bold', label.padEnd(6)) : ' '.repeat(6)}${line}`,
  )
}
