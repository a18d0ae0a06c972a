/** Fills in the defaults that a schema declares. */

interface SchemaWithDefaults {
  readonly description?: string
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, SchemaWithDefaults>>
}

/** The value is valid for the schema; it is not changed. */
export function withDefaults(schema: SchemaWithDefaults, value: unknown = schema.default): unknown {
  if (schema.properties === undefined || typeof value !== 'object' || value === null) return value
  const given = value as Readonly<Record<string, unknown>>
  const filled = Object.entries(schema.properties)
    .map(([key, property]) => [key, withDefaults(property, given[key])] as const)
    .filter(([, item]) => item !== undefined)
  return { ...given, ...Object.fromEntries(filled) }
}
