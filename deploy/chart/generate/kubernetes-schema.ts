/**
 * JSON schemas of Kubernetes API types, from the models of its client. They allow no unknown fields, so a typo is reported
 * at once.
 */
import * as models from '@kubernetes/client-node'

export type JsonSchema = Readonly<Record<string, unknown>>

interface Model {
  getAttributeTypeMap(): readonly { readonly baseName: string; readonly type: string; readonly format: string }[]
}

/** Maps of quantities, which may be written as numbers. */
const quantities = ['limits', 'requests']

/** The given types and all types that they contain, by name. */
export function kubernetesTypes(names: readonly string[]): Record<string, JsonSchema> {
  const found = new Map<string, JsonSchema>()
  const waiting = [...names]
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name)) continue
    const schema = modelSchema(name)
    found.set(name, schema)
    waiting.push(
      ...JSON.stringify(schema)
        .matchAll(/#\/definitions\/(\w+)/g)
        .map(([, type]) => type ?? ''),
    )
  }
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function modelSchema(name: string): JsonSchema {
  const model = (models as unknown as Record<string, Model | undefined>)[name]
  if (model === undefined) throw new Error(`the Kubernetes client knows no type ${name}`)
  const properties = model
    .getAttributeTypeMap()
    .map(({ baseName, type, format }) => [baseName, fieldSchema(baseName, type, format)])
  return { type: 'object', additionalProperties: false, properties: Object.fromEntries(properties) }
}

function fieldSchema(field: string, type: string, format: string): JsonSchema {
  const items = /^Array<(.*)>$/.exec(type)?.[1]
  if (items !== undefined) return { type: 'array', items: fieldSchema(field, items, format) }
  if (type.startsWith('{ [key: string]: ')) {
    return {
      type: 'object',
      additionalProperties: { type: quantities.includes(field) ? ['string', 'number'] : 'string' },
    }
  }
  if (type === 'IntOrString') return { type: ['integer', 'string'] }
  if (type === 'number') return { type: format.startsWith('int') ? 'integer' : 'number' }
  if (['string', 'boolean'].includes(type)) return { type }
  return { $ref: `#/definitions/${type}` }
}
