/** A row of the table of annotations. */
import { unreadable, type Parsed } from './parsed.ts'
import type { Delivery } from './source.ts'
import type { ValueForm } from './value-form.ts'

/** The value that holds where none is set, as it is written in an annotation; in words where there is no such value. */
export type AnnotationDefault = string | { readonly value: string; readonly note?: string }

export interface AnnotationRow<T> {
  /** `model`: may be repeated with a suffix for a second, third… model. */
  readonly scope: 'pod' | 'model'
  /** True where the operator's configuration may set another default. */
  readonly operator: boolean
  readonly accepted: string
  /** All values that `parse` takes have it. */
  readonly form: ValueForm
  readonly default: AnnotationDefault
  readonly description: string
  readonly example: string
  /** The deliveries it applies to; without it, all. */
  readonly appliesTo?: readonly Delivery[]
  /** Number of characters of the longest value; a longer one is not parsed. */
  readonly longest: number
  readonly parse: (text: string) => Parsed<T>
}

/** Lengths of values, for the rows of the table. */
export const lengths = {
  word: 64,
  name: 253,
  /** A kind, and the name of an object. */
  kindAndName: 300,
  path: 1024,
  image: 1024,
  /** A bucket and a key, which has 1024 bytes. */
  location: 2048,
  /** A text of the loader's environment: Linux starts no program with one of 128 KiB. */
  patterns: 32 * 1024,
  /** More names than pairs of model and container are allowed. */
  names: 64 * 1024,
} as const

/** `longest`: number of characters of a value; a longer one is not parsed. */
export function annotation<T>(longest: number, definition: Omit<AnnotationRow<T>, 'longest'>): AnnotationRow<T> {
  const parse = (text: string): Parsed<T> =>
    text.length <= longest
      ? definition.parse(text)
      : unreadable(`has ${text.length} characters, more than the ${longest} it may have`)
  return { ...definition, longest, parse }
}
