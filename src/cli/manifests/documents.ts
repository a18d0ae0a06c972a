/** Cuts a file into its documents. Put together again, their texts are the file. */
import { LineCounter } from 'yaml'
import { AppError } from '../../errors.ts'
import type { ManifestFile } from './input.ts'
import { parseDocuments, unresolvedAlias, plainValue, type ParsedDocument } from './yaml.ts'

export interface ManifestDocument {
  readonly file: string
  readonly format: 'yaml' | 'json'
  /** With everything between the end of the document before it and its own end. */
  readonly text: string
  readonly value: unknown
}

/** Reads all documents of all files, or throws one error that has every mistake with file and line. */
export function readDocuments(files: readonly ManifestFile[]): readonly ManifestDocument[] {
  const problems: string[] = []
  const documents = files.flatMap((file) => readFile(file, problems))
  if (problems.length > 0) throw new AppError('InputUnreadable', problems.join('\n'))
  return documents
}

function readFile({ name, text }: ManifestFile, problems: string[]): ManifestDocument[] {
  try {
    const lines = new LineCounter()
    const parsed = parseDocuments(text, lines)
    const found = parsed.flatMap((document) => describeErrors(name, document, lines))
    problems.push(...found)
    return found.length > 0 ? [] : cut(name, text, parsed)
  } catch (error) {
    // Aliases that multiply, or brackets nested deeper than the stack.
    problems.push(`${name}: ${error instanceof RangeError ? tooDeep : (error as Error).message}`)
    return []
  }
}

const tooDeep = 'is nested too deeply'

/** The first mistake of a document is enough: what the parser says after it is often its own confusion. */
function describeErrors(name: string, document: ParsedDocument, lines: LineCounter): string[] {
  const [error] = document.errors
  const alias = error === undefined ? unresolvedAlias(document) : undefined
  const place = error?.pos[0] ?? alias?.offset
  if (place === undefined) return []
  const { line, col } = lines.linePos(place)
  return [
    `${name}:${line}:${col}: ${error === undefined ? `no anchor &${alias?.name ?? ''} stands before this alias` : describeError(error.message)}`,
  ]
}

function describeError(message: string): string {
  return message.includes('call stack') ? tooDeep : message
}

function cut(file: string, text: string, parsed: readonly ParsedDocument[]): ManifestDocument[] {
  const format = /^\s*[{[]/.test(text) && isJSON(text) ? 'json' : 'yaml'
  if (parsed.length === 0) return text === '' ? [] : [{ file, format, text, value: null }]
  const ends = parsed.map(({ range }, i) => (i === parsed.length - 1 ? text.length : endOfLine(text, range[2])))
  return parsed.map((document, i) => ({
    file,
    format,
    text: text.slice(ends[i - 1] ?? 0, ends[i]),
    value: plainValue(document),
  }))
}

function isJSON(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** A document of the marker alone ends before its line does. */
function endOfLine(text: string, offset: number): number {
  if (text[offset - 1] === '\n') return offset
  const newline = text.indexOf('\n', offset)
  return newline < 0 ? text.length : newline + 1
}
