/** Reads the documents of files. One that is broken says why, and the others are read. */
import { LineCounter } from 'yaml'
import { AppError } from '../../errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { writeReport } from '../terminal.ts'
import type { ManifestFile } from './input.ts'
import { isObject } from './paths.ts'
import { splitDocuments } from './split.ts'
import { parseDocuments, plainValue, unresolvedAlias, ValueProblem, type ParsedDocument } from './yaml.ts'

export interface ManifestDocument {
  readonly file: string
  readonly format: 'yaml' | 'json'
  /** With everything between the end of the document before it and its own end. */
  readonly text: string
  /** Number of lines of the file before it. */
  readonly linesBefore: number
  /** Null for a document that is empty or broken. */
  readonly value: unknown
  /** Only for a broken one: where and why, in a line for people. */
  readonly problem?: string
}

/** Reads all documents of all files; throws one error that has every mistake with file and line where none of them can be read. */
export function readDocuments(files: readonly ManifestFile[]): readonly ManifestDocument[] {
  const documents = files.flatMap(readFile)
  const problems = problemsOf(documents)
  if (problems.length > 0 && documents.every(({ value }) => value === null)) {
    throw new AppError('InputUnreadable', problems.join('\n'))
  }
  return documents
}

function problemsOf(documents: readonly ManifestDocument[]): readonly string[] {
  return documents.flatMap(({ problem }) => problem ?? [])
}

/** Names what could not be read, so that the command fails although the rest was looked at. */
export function reportBroken(documents: readonly ManifestDocument[]): void {
  const problems = problemsOf(documents)
  if (problems.length === 0) return
  writeReport(problems.map((problem) => `${problem.replace(/^/gm, 'model-injector: ')}\n`).join(''))
  process.exitCode ??= exitCodes.couldNotLook
}

function readFile({ name, text }: ManifestFile): readonly ManifestDocument[] {
  if (text === '') return []
  const json = /^\s*[{[]/.test(text) ? parseJSON(text) : undefined
  if (json !== undefined) {
    const base = { file: name, format: 'json', text, linesBefore: 0 } as const
    return [isTooDeep(json) ? { ...base, value: null, problem: `${name}:1:1: ${tooDeep}` } : { ...base, value: json }]
  }
  let linesBefore = 0
  return splitDocuments(text).map((piece) => {
    const document = { file: name, format: 'yaml', text: piece, linesBefore } as const
    linesBefore += piece.split('\n').length - 1
    const read = readDocument(piece)
    if ('value' in read) return { ...document, value: read.value }
    const { line, column } = read.place
    return { ...document, value: null, problem: `${name}:${document.linesBefore + line}:${column}: ${read.problem}` }
  })
}

export interface TextPlace {
  readonly line: number
  readonly column: number
}

type ReadDocument = { readonly value: unknown } | { readonly place: TextPlace; readonly problem: string }

function readDocument(text: string): ReadDocument {
  const lines = new LineCounter()
  const found = valueOf(text, lines)
  if ('value' in found) return found
  const { line, col } = lines.linePos(found.offset)
  return (found.isTooDeep ? undefined : templateIn(text)) ?? { place: { line, column: col }, problem: found.problem }
}

interface Mistake {
  readonly offset: number
  readonly problem: string
  readonly isTooDeep?: true
}

function valueOf(text: string, lines: LineCounter): { readonly value: unknown } | Mistake {
  try {
    const [parsed, ...rest] = parseDocuments(text, lines)
    if (parsed === undefined) return { value: null }
    const mistake = [parsed, ...rest].map(mistakeOf).find((found) => found !== undefined)
    if (mistake !== undefined) return mistake
    const value = plainValue(parsed)
    const offset = parsed.contents?.range[0] ?? 0
    return isTooDeep(value) ? { offset, problem: tooDeep, isTooDeep: true } : { value }
  } catch (error) {
    if (error instanceof ValueProblem) return { offset: error.offset, problem: error.message }
    // Brackets that are nested deeper than the stack.
    if (error instanceof RangeError) return { offset: 0, problem: tooDeep, isTooDeep: true }
    throw error
  }
}

/** The first mistake of a document is enough: what the parser says after it is often its own confusion. */
function mistakeOf(document: ParsedDocument): Mistake | undefined {
  const [error] = document.errors
  if (error !== undefined) {
    return { offset: error.pos[0], problem: error.message.includes('call stack') ? tooDeep : error.message }
  }
  const alias = unresolvedAlias(document)
  return alias && { offset: alias.offset, problem: `no anchor &${alias.name} stands before this alias` }
}

/** For a broken document only: quoted braces are good YAML, and Argo Workflows has many. */
function templateIn(text: string): ReadDocument | undefined {
  const index = text.split('\n').findIndex((line) => /^[^'"#]*\{\{/.test(line))
  if (index < 0) return undefined
  const line = text.split('\n')[index] ?? ''
  return {
    place: { line: index + 1, column: line.indexOf('{{') + 1 },
    problem:
      '{{ … }} belongs to a template of Helm or Jinja, which is no manifest yet: render it first, as helm template does, and give the result',
  }
}

function parseJSON(text: string): unknown {
  try {
    return JSON.parse(text, /\d{16}/.test(text) ? longNumbers : undefined)
  } catch {
    return undefined
  }
}

/** No number may change because it was too long for JavaScript. */
function longNumbers(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source ?? ''
  return typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? BigInt(source) : value
}

const tooDeep = 'is nested too deeply'
/** No object of the API is nested half as deeply. */
const deepest = 200

/** A value that is nested deeply would end later in the stack of its printer. */
function isTooDeep(value: unknown, left = deepest): boolean {
  if (!isObject(value)) return false
  return left === 0 || Object.values(value).some((item) => isTooDeep(item, left - 1))
}
