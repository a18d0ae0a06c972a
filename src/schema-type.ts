/** Types made from JSON schemas, so that a shape is declared once. Nothing of it is left in the compiled product. */
import type { FromSchema, JSONSchema } from 'json-schema-to-ts'

/** The type of a value as it is written, by its schema. */
export type Written<Schema extends JSONSchema> = Immutable<
  FromSchema<Schema, { keepDefaultedPropertiesOptional: true }>
>

/** The type of a value whose defaults are filled in. */
export type Complete<Schema extends JSONSchema> = Immutable<FromSchema<Schema>>

/** The type of the keys that a schema names, without the others that it allows. */
export type Named<Schema extends JSONSchema> = NamedOnly<FromSchema<Schema>>

/** A list with a smallest length is a list like any other. */
type Immutable<T> = T extends readonly (infer Item)[]
  ? readonly Immutable<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Immutable<T[Key]> }
    : T

type NamedOnly<T> = T extends readonly (infer Item)[]
  ? readonly NamedOnly<Item>[]
  : T extends object
    ? [NamedKey<T>] extends [never]
      ? Immutable<T>
      : { readonly [Key in keyof T as string extends Key ? never : Key]: NamedOnly<T[Key]> }
    : T

type NamedKey<T> = keyof { [Key in keyof T as string extends Key ? never : Key]: T[Key] }
