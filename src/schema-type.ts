/** Types made from JSON schemas, so that a shape is declared once. Nothing of it is left in the compiled product. */
import type { FromSchema, JSONSchema } from 'json-schema-to-ts'

/** What a schema describes as it is written. */
export type Written<Schema extends JSONSchema> = Immutable<
  FromSchema<Schema, { keepDefaultedPropertiesOptional: true }>
>

/** What a schema describes once its defaults are filled in. */
export type Complete<Schema extends JSONSchema> = Immutable<FromSchema<Schema>>

type Immutable<T> = T extends object ? { readonly [Key in keyof T]: Immutable<T[Key]> } : T
