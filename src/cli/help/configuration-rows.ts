/** The keys of the operator's configuration, from their schema: for `help configuration` and for docs/configuration.md. */
import { configSchema } from '../../config/config-schema.ts'

interface Schema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly default?: string | number | boolean | object
  readonly enum?: readonly string[]
  readonly maximum?: number
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: boolean | Schema
}

/** A row for each key that has a value of its own: key, type, default, meaning. Code stands in backticks. */
export function configurationRows(): readonly (readonly string[])[] {
  return rowsOf(configSchema, '')
}

function rowsOf({ properties = {}, required = [] }: Schema, path: string): readonly (readonly string[])[] {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const key = `${path}${name}`
    const inner = schema.additionalProperties === false ? rowsOf(schema, `${key}.`) : []
    const listed = schema.items === undefined ? [] : rowsOf(schema.items, `${key}[].`)
    if (inner.length > 0) return inner
    const byDefault = required.includes(name) ? 'required' : defaultOf(schema)
    return [[`\`${key}\``, typeOf(schema), byDefault, schema.description ?? ''], ...listed]
  })
}

function typeOf({ type, enum: values, maximum, items, additionalProperties }: Schema): string {
  if (values !== undefined) return values.map((value) => `\`${value}\``).join(' or ')
  if (items !== undefined) return items.type === 'object' ? 'list of rules' : 'list of strings'
  if (typeof additionalProperties === 'object') return 'map of names to values'
  return maximum === undefined ? String(type) : `${String(type)}, at most ${maximum}`
}

/** The defaults of annotations stand in the reference of annotations. */
function defaultOf({ default: value, properties }: Schema): string {
  if (properties !== undefined) return 'those of the annotations'
  if (value === undefined) return ''
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map((item) => `\`${item}\``).join(', ')
  return typeof value === 'object' ? 'none' : `\`${String(value)}\``
}
