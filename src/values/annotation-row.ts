/** A row of the table of annotations. */
import type { Parsed } from './parsed.ts'
import type { Delivery } from './source.ts'

/** The value that holds where nobody sets one, as it is written in an annotation; in words where there is no such value. */
export type AnnotationDefault = string | { readonly value: string; readonly note?: string }

export interface AnnotationRow<T> {
  /** `model`: may be repeated with a suffix for a second, third… model. */
  readonly scope: 'pod' | 'model'
  /** True where the operator's configuration may set another default. */
  readonly operator: boolean
  readonly accepted: string
  readonly default: AnnotationDefault
  readonly description: string
  readonly example: string
  /** The deliveries it applies to; without it, all. */
  readonly appliesTo?: readonly Delivery[]
  readonly parse: (text: string) => Parsed<T>
}

export function annotation<T>(definition: AnnotationRow<T>): AnnotationRow<T> {
  return definition
}
