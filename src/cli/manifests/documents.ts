/** Cuts a file into its documents. Put together again, their texts are the file. */
import { LineCounter } from 'yaml'
import { AppError } from '../../errors.ts'
import type { ManifestFile } from './input.ts'
import { isObject } from './paths.ts'
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
    if (found.length > 0) return []
    const documents = cut(name, text, parsed)
    const deep = parsed.filter((_, i) => isTooDeep(documents[i]?.value))
    problems.push(...deep.map(({ contents }) => at(name, lines, contents?.range[0] ?? 0, tooDeep)))
    return deep.length > 0 ? [] : documents
  } catch (error) {
    // Aliases that multiply, or brackets nested deeper than the stack.
    problems.push(`${name}: ${error instanceof RangeError ? tooDeep : (error as Error).message}`)
    return []
  }
}

const tooDeep = 'is nested too deeply'
/** No object of the API is nested half as deeply. */
const deepest = 200

/** A value that is nested deeply, or contains itself, would end later in the stack of its printer. */
function isTooDeep(value: unknown, left = deepest): boolean {
  if (!isObject(value)) return false
  return left === 0 || Object.values(value).some((item) => isTooDeep(item, left - 1))
}

/** The first mistake of a document is enough: what the parser says after it is often its own confusion. */
function describeErrors(name: string, document: ParsedDocument, lines: LineCounter): string[] {
  const [error] = document.errors
  const alias = error === undefined ? unresolvedAlias(document) : undefined
  const place = error?.pos[0] ?? alias?.offset
  if (place === undefined) return []
  const missing = `no anchor &${alias?.name ?? ''} stands before this alias`
  return [at(name, lines, place, error === undefined ? missing : describeError(error.message))]
}

function at(name: string, lines: LineCounter, offset: number, problem: string): string {
  const { line, col } = lines.linePos(offset)
  return `${name}:${line}:${col}: ${problem}`
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
