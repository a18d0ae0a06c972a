/** The forms in which transformed documents are printed. */
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff'
import type { Paint } from '../terminal.ts'
import type { ManifestDocument } from './documents.ts'
import { preview, type TransformedDocument } from './transform.ts'
import { isObject } from './paths.ts'
import { parseDocuments, printJSON, printYAML } from './yaml.ts'

export const outputFormats = ['yaml', 'json', 'patch'] as const
export type OutputFormat = (typeof outputFormats)[number]

/** Without a format, every file comes out as it went in. */
export function printDocuments(documents: readonly TransformedDocument[], format: OutputFormat | undefined): string {
  if (format === 'json') return printAsJSON(documents)
  if (format === 'patch') return printPatches(documents)
  return printStream(documents, format)
}

function printStream(documents: readonly TransformedDocument[], format: 'yaml' | undefined): string {
  const pieces = documents.flatMap(({ source, result }) =>
    result === undefined ? [] : [{ source, text: textOf(source, result, format) }],
  )
  const [first] = pieces
  // Readers look at the first character to tell JSON from YAML, and YAML may follow.
  const isMixed = first?.source.format === 'json' && pieces.some(({ source }) => source.file !== first.source.file)
  return pieces.reduce((stream, { text }) => stream + separatorBetween(stream, text) + text, isMixed ? '---\n' : '')
}

function textOf(
  { format }: ManifestDocument,
  { value, text }: { value: unknown; text: string },
  requested: 'yaml' | undefined,
): string {
  return requested === 'yaml' && format === 'json' ? printYAML(value) : text
}

/** Two documents of one file have their separator between them, unless the one that ended with it was left out. */
function separatorBetween(before: string, text: string): string {
  if (before === '' || before === '---\n') return ''
  const newline = before.endsWith('\n') ? '' : '\n'
  const [, start] = /^(?:\s*(?:#.*)?\r?\n)*(---|%)?/.exec(text) ?? []
  if (start === '---' || isBlank(text) || /(?:^|\n)\.\.\.[^\n]*\n?$/.test(before)) return newline
  return newline + (start === '%' ? '...\n' : '---\n')
}

function isBlank(text: string): boolean {
  return parseDocuments(text).length === 0
}

function printAsJSON(documents: readonly TransformedDocument[]): string {
  const values = documents.flatMap(({ result }) =>
    result === undefined || result.value === null ? [] : [result.value],
  )
  if (values.length === 0) return ''
  const items = values.flatMap((value) => (isList(value) ? value.items : [value]))
  return `${printJSON(values.length === 1 ? values[0] : { apiVersion: 'v1', kind: 'List', items })}\n`
}

function isList(value: unknown): value is { items: readonly unknown[] } {
  return isObject(value) && value.kind === 'List' && Array.isArray(value.items)
}

/** Always a list, so that scripts need not tell one object from several. */
function printPatches(documents: readonly TransformedDocument[]): string {
  const patches = documents
    .flatMap(({ objects }) => objects)
    .filter(({ patch }) => patch.length > 0)
    .map(({ kind, name, namespace, patch }) => ({ kind, name, namespace, patch }))
  return `${printJSON(patches)}\n`
}

export interface DiffStyle {
  readonly paint: Paint
  /** A program gets a patch that can be applied. */
  readonly isForPeople: boolean
}

/** A denied object shows no difference: it is neither changed nor deleted. */
export function printDiff(documents: readonly TransformedDocument[], style: DiffStyle): string {
  const files = Map.groupBy(documents, ({ source }) => source.file)
  return [...files]
    .map(([file, parts]) => {
      const before = parts.map(({ source }) => source.text).join('')
      const after = parts.map(preview).join('')
      return before === after
        ? ''
        : paintDiff(
            createTwoFilesPatch(file, file, before, after, 'before', 'after', {
              context: 3,
              headerOptions: FILE_HEADERS_ONLY,
            }),
            style,
          )
    })
    .join('')
}

function paintDiff(diff: string, { paint, isForPeople }: DiffStyle): string {
  return diff
    .split('\n')
    .map((line) => paintLine(isForPeople ? foldStatus(line) : line, paint))
    .join('\n')
}

/** The status is a kilobyte and more of JSON in one line: a terminal shows braces instead. */
function foldStatus(line: string): string {
  return line.replace(/^([-+ ].*\/status"?: )(['"]?)\{\\?"schema\\?":.*?(,?)$/, '$1$2{…}$2$3')
}

function paintLine(line: string, paint: Paint): string {
  if (line.startsWith('--- ') || line.startsWith('+++ ')) return paint('bold', line)
  if (line.startsWith('@@')) return paint('cyan', line)
  if (line.startsWith('+')) return paint('green', line)
  return line.startsWith('-') ? paint('red', line) : line
}
