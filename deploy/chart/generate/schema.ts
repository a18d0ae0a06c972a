/**
 * Generates values.schema.json from values.yaml. A value's type is that of its default; a block of YAML between two
 * `# @schema` lines above its key adds to it. Objects allow the keys in values.yaml and no others. References:
 *   $ref: kubernetes:V1Toleration    a type of the Kubernetes API
 *   $ref: config                     the operator's configuration, with the webhook's own schema
 */
import { isMap, isScalar, parse, parseDocument, type Pair, type ParsedNode, type YAMLMap } from 'yaml'
import { operatorConfigSchema } from './config-schema.ts'
import { kubernetesTypes, type JsonSchema } from './kubernetes-schema.ts'

interface Comment {
  readonly description: string | undefined
  readonly schema: JsonSchema
}

type Entry = Pair<ParsedNode, ParsedNode | null>

export function valuesSchema(yaml: string): string {
  const document = parseDocument(yaml)
  if (!isMap(document.contents)) throw new Error('values.yaml has no keys')
  const { properties, ...schema } = objectSchema(document.contents, '')
  const values = withDefinitions({
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the chart model-injector',
    ...schema,
    // Helm adds this key in a parent chart.
    properties: {
      ...properties,
      global: { type: 'object', description: 'Values of a chart that contains this one; not read here.' },
    },
  })
  return `${JSON.stringify(values, undefined, 2)}\n`
}

interface ObjectSchema extends JsonSchema {
  readonly properties: Readonly<Record<string, JsonSchema>>
}

function objectSchema(map: YAMLMap.Parsed, path: string): ObjectSchema {
  const entries = map.items.map((pair, i) => {
    const key = String((pair.key as { value: unknown }).value)
    return [
      key,
      valueSchema(pair, commentOf(pair, i === 0 ? map.commentBefore : undefined), path === '' ? key : `${path}.${key}`),
    ] as const
  })
  return { type: 'object', additionalProperties: false, properties: Object.fromEntries(entries) }
}

function valueSchema(pair: Entry, { description, schema }: Comment, path: string): JsonSchema {
  const described = { ...(description === undefined ? {} : { description }) }
  if ('$ref' in schema) return { ...described, ...schema }
  const { value } = pair
  if (isMap(value) && value.items.length > 0 && Object.keys(schema).length === 0) {
    return { ...described, ...objectSchema(value, path) }
  }
  if (description === undefined) throw new Error(`values.yaml: ${path} has no description`)
  if (!isScalar(value) && Object.keys(schema).length === 0) {
    throw new Error(`values.yaml: ${path} is a list or an open map, and has no @schema`)
  }
  return { ...described, ...inferred(value), ...schema }
}

function inferred(node: ParsedNode | null): JsonSchema {
  if (isMap(node)) return { type: 'object' }
  if (!isScalar(node)) return { type: 'array' }
  const { value } = node
  const type = typeof value === 'number' ? 'integer' : typeof value
  return { type, default: value }
}

/** The comment above the first key of a map may belong to the map. */
function commentOf(pair: Entry, mapComment: string | null | undefined): Comment {
  const text = [mapComment, (pair.key as { commentBefore?: string | null }).commentBefore]
    .filter((part) => typeof part === 'string')
    .join('\n')
  const lines = text.split('\n').map((line) => line.replace(/^ /, ''))
  const fences = lines.flatMap((line, i) => (line === '@schema' ? [i] : []))
  const [start, end] = fences
  const block = start === undefined || end === undefined ? [] : lines.slice(start + 1, end)
  const description = lines.findLast((line) => line.startsWith('-- '))?.slice(3)
  return { description, schema: (parse(block.join('\n')) as JsonSchema | null) ?? {} }
}

/** Replaces the references and adds what they refer to. */
function withDefinitions(schema: JsonSchema): JsonSchema {
  const types = new Set<string>()
  const resolved = resolveReferences(schema, types) as JsonSchema
  return { ...resolved, definitions: { config: operatorConfigSchema(), ...kubernetesTypes([...types].sort()) } }
}

function resolveReferences(value: unknown, types: Set<string>): unknown {
  if (Array.isArray(value)) return value.map((item) => resolveReferences(item, types))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]: [string, unknown]) => {
      if (key !== '$ref' || typeof item !== 'string') return [key, resolveReferences(item, types)]
      const type = /^kubernetes:(\w+)$/.exec(item)?.[1]
      if (type !== undefined) types.add(type)
      return [key, `#/definitions/${type ?? item}`]
    }),
  )
}
