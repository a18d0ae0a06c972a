/** The webhook's configuration schema, in the dialect that Helm supports. */
import { annotationNames, annotations } from '../../../src/annotations.ts'
import { configSchema } from '../../../src/config/config-schema.ts'
import type { JsonSchema } from './kubernetes-schema.ts'

export function operatorConfigSchema(): JsonSchema {
  const schema = withoutLookahead(configSchema) as { properties: Record<string, object> }
  const withDefault = annotationNames.filter((name) => annotations[name].operator)
  // The webhook also checks these names, but here a typo is reported before anything is installed.
  const defaults = { ...schema.properties.defaults, propertyNames: { enum: withDefault } }
  return { ...schema, properties: { ...schema.properties, defaults } }
}

/** Helm uses Go's regular expressions, which have no lookahead. */
function withoutLookahead(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutLookahead)
  if (typeof value !== 'object' || value === null) return value
  const { pattern, ...rest } = value as { pattern?: unknown }
  const [, forbidden, allowed] = typeof pattern === 'string' ? (/^\^\(\?!([^()]+)\)(.*)$/.exec(pattern) ?? []) : []
  const others = Object.fromEntries(Object.entries(rest).map(([key, item]) => [key, withoutLookahead(item)]))
  if (forbidden !== undefined) return { ...others, pattern: `^${allowed ?? ''}`, not: { pattern: `^(?:${forbidden})` } }
  return pattern === undefined ? others : { ...others, pattern: withoutLookahead(pattern) }
}
