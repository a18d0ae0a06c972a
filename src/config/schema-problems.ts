/** Describes what a schema refuses: where, what was found and what is accepted. */
import type { ErrorObject } from 'ajv'
import { runtimePrefixes } from '../kept-variables.ts'
import { suggestion } from '../nearest.ts'
import { printable, quote, shorten } from '../values/print/printable.ts'

/**
 * A name refused by its pattern is reported twice; the report without the name is dropped. `whole` names the file where the place is
 * all of it.
 */
export function schemaProblems(errors: readonly ErrorObject[], whole = 'the configuration'): string[] {
  return errors
    .filter(({ propertyName }) => propertyName === undefined)
    .map((error) => describeSchemaError(error, whole))
    .map(asProblem)
}

/** Longer than any list of known keys. */
const longestProblem = 1000

/** One line for people: keys and values of a file may be of any length, and have control characters in them. */
export function asProblem(text: string): string {
  return shorten(printable(text), longestProblem)
}

/** Keys that a configuration may have from before, and what to write in their place. */
const replacements: ReadonlyMap<string, string> = new Map([
  [
    'loader.s5cmdImage',
    "is no more: the loader runs the program s5cmd in the product's own image; remove the key, and set loader.s5cmdPath where an image of your own has the program elsewhere",
  ],
])

function describeSchemaError(error: ErrorObject, whole: string): string {
  const path = fieldPath(error.instancePath)
  const at = path === '' ? whole : path
  const params = error.params as {
    additionalProperty?: string
    allowedValues?: string[]
    pattern?: string
    propertyName?: string
  }
  if (params.additionalProperty !== undefined) {
    const known = Object.keys((error.parentSchema as { properties?: object } | undefined)?.properties ?? {})
    const key = path === '' ? params.additionalProperty : `${path}.${params.additionalProperty}`
    const replacement = replacements.get(key)
    if (replacement !== undefined) return `${key}: ${replacement}`
    return `${key}: unknown key${suggestion(params.additionalProperty, known)}; known: ${known.join(', ')}`
  }
  if (params.allowedValues !== undefined) {
    const near = typeof error.data === 'string' ? suggestion(error.data, params.allowedValues, '; ') : ''
    return `${at}: must be one of ${params.allowedValues.join(', ')}${near}`
  }
  if (params.propertyName !== undefined) {
    return `${at}: the name ${quote(params.propertyName)} is not allowed${droppedHint(params.propertyName)}`
  }
  return `${at}: ${messageOf(error)}${quotesHint(error)}`
}

/** The schema counts code points. */
function messageOf({ keyword, data, params, message = 'is not valid' }: ErrorObject): string {
  if (keyword !== 'maxLength') return message
  const { limit } = params as { readonly limit: number }
  return `has ${Array.from(data as string).length} characters, more than the ${limit} it may have`
}

function droppedHint(name: string): string {
  return runtimePrefixes.some((prefix) => name.startsWith(prefix))
    ? ': the start of the loader drops it; authorities are loader.caCertificates, a proxy is loader.proxy'
    : ''
}

/** YAML reads 1.40 as the number 1.4. */
function quotesHint({ keyword, data, schema }: ErrorObject): string {
  return keyword === 'type' && schema === 'string' && typeof data === 'number' ? '; write it in quotes' : ''
}

/** `/policy/rules/0/name` → `policy.rules[0].name` */
function fieldPath(pointer: string): string {
  return pointer
    .replace(/\/(\d+)(?=\/|$)/g, '[$1]')
    .replace(/^\//, '')
    .replaceAll('/', '.')
    .replaceAll('~1', '/')
    .replaceAll('~0', '~')
}
