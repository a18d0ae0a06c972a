/**
 * Forms of values that an API server can check without our code, by CEL. Whatever a parser takes has its form; a form may take more.
 * Regular expressions are in what JavaScript and RE2 share: no look-around, \s in a class alone, and other characters than
 * printable ones of ASCII as \uXXXX. The generator of the policies writes these two as RE2 does.
 */
import type { Parsed } from './parsed.ts'

/** A kind of value: its parser, and the form of all that the parser takes. */
export interface ValueKind<T> {
  readonly parse: (text: string) => Parsed<T>
  readonly form: ValueForm
}

export interface ValueForm {
  /** What it accepts in a few words, for warnings, where those of the annotation are many. */
  readonly accepted?: string
  /** A whole value matches it. */
  readonly expression: string
  /** Nothing in a value matches it. */
  readonly refused?: string
  readonly integer?: { readonly least: number; readonly most: number }
  /** The mistakes that have this form; without it there are none. */
  readonly leavesOpen?: string
  /** Bounds of a Kubernetes quantity, as quantities. */
  readonly quantity?: { readonly above: string; readonly most: string }
}

/** Control characters, for the inside of a character class. */
export const controlCharacters = '\\u0000-\\u001f\\u007f'

/** A comma list of such items, as parseList() reads it. */
export function listExpression(item: string): string {
  const padded = `[\\s]*(?:${item})[\\s]*`
  return `${padded}(?:,${padded})*`
}

/**
 * A segment of a path: not empty, "." or "..", without control characters and those of `excluded`, the inside of a character class.
 */
export function segmentExpression(excluded = ''): string {
  const any = `[^/${controlCharacters}${excluded}]`
  const noDot = `[^./${controlCharacters}${excluded}]`
  return `(?:${noDot}${any}*|\\.${noDot}${any}*|\\.\\.${any}+)`
}
