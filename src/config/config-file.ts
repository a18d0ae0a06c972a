/** The configuration file as written, and its schema, which the chart also uses for its values. */
import type { ErrorObject } from 'ajv'
import { nearest } from '../nearest.ts'
import { quote } from '../reasons.ts'
import type { Config } from './config.ts'
import { highestLimits, type PodLimits } from './limits.ts'
import { policyModes, type Policy, type PolicyRule } from './policy.ts'

export interface ConfigFile {
  annotationPrefix?: string
  defaults?: Record<string, string | number | boolean>
  sidecars?: string[]
  unknownAnnotations?: 'deny' | 'warn'
  openshift?: boolean
  podIdentity?: { uri?: string }
  loader?: Partial<Config['loader']>
  cluster?: NonNullable<Config['cluster']>
  mountpoint?: NonNullable<Config['mountpoint']>
  limits?: Partial<PodLimits>
  policy?: Partial<Omit<Policy, 'rules'>> & { rules?: (Omit<PolicyRule, 'maxSizeBytes'> & { maxSize?: string })[] }
}

const strings = { type: 'array', items: { type: 'string', minLength: 1 } } as const
const nonEmptyStrings = { ...strings, minItems: 1 } as const

/** Also the schema of the chart's values. */
export const configSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    // Node labels prepend `node.` to it, and allow 253 characters before the slash.
    annotationPrefix: { type: 'string', pattern: '^[a-z0-9]([-a-z0-9.]{0,246}[a-z0-9])?/$' },
    defaults: { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] } },
    sidecars: strings,
    unknownAnnotations: { enum: ['deny', 'warn'] },
    openshift: { type: 'boolean' },
    podIdentity: {
      type: 'object',
      additionalProperties: false,
      properties: {
        uri: {
          type: 'string',
          pattern: '^http://(169\\.254\\.170\\.23|\\[fd00:ec2::23\\]|127\\.0\\.0\\.1:\\d{1,5})/v1/credentials$',
        },
      },
    },
    loader: {
      type: 'object',
      additionalProperties: false,
      properties: {
        s5cmdImage: { type: 'string', minLength: 1 },
        imagePullPolicy: { enum: ['Always', 'IfNotPresent', 'Never'] },
        imagePullSecrets: strings,
        env: {
          type: 'object',
          additionalProperties: { type: 'string' },
          propertyNames: { pattern: '^(?!MODEL_)[A-Za-z_][A-Za-z0-9_]*$' },
        },
        proxy: {
          type: 'object',
          additionalProperties: false,
          required: ['url'],
          properties: {
            url: { type: 'string' },
            noProxy: { type: 'array', items: { type: 'string', pattern: '^[^,\\s]+$' } },
          },
        },
        caCertificates: { type: 'string' },
      },
    },
    cluster: { type: 'object', additionalProperties: false, properties: { version: { type: 'string' } } },
    mountpoint: { type: 'object', additionalProperties: false, properties: { headroomGate: { type: 'boolean' } } },
    limits: {
      type: 'object',
      additionalProperties: false,
      properties: {
        models: atMost(highestLimits.models),
        annotations: atMost(highestLimits.annotations),
        modelContainerPairs: atMost(highestLimits.modelContainerPairs),
        patchBytes: atMost(highestLimits.patchBytes),
      },
    },
    policy: {
      type: 'object',
      additionalProperties: false,
      properties: {
        mode: { enum: policyModes },
        enforceNamespaces: strings,
        auditNamespaces: strings,
        rules: {
          type: 'array',
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['name', 'namespaces'],
            properties: {
              name: { type: 'string', minLength: 1, maxLength: 63 },
              namespaces: nonEmptyStrings,
              sources: nonEmptyStrings,
              endpoints: nonEmptyStrings,
              credentials: nonEmptyStrings,
              serviceAccounts: nonEmptyStrings,
              deliveries: nonEmptyStrings,
              mountPaths: nonEmptyStrings,
              images: nonEmptyStrings,
              maxSize: { type: 'string' },
            },
          },
        },
      },
    },
  },
} as const

function atMost(maximum: number): { readonly type: 'integer'; readonly minimum: 1; readonly maximum: number } {
  return { type: 'integer', minimum: 1, maximum }
}

/** A name refused by its pattern is reported twice; the report without the name is dropped. */
export function schemaProblems(errors: readonly ErrorObject[]): string[] {
  return errors.filter(({ propertyName }) => propertyName === undefined).map(describeSchemaError)
}

function describeSchemaError(error: ErrorObject): string {
  const path = fieldPath(error.instancePath)
  const at = path === '' ? 'the configuration' : path
  const params = error.params as {
    additionalProperty?: string
    allowedValues?: string[]
    pattern?: string
    propertyName?: string
  }
  if (params.additionalProperty !== undefined) {
    const known = Object.keys((error.parentSchema as { properties?: object } | undefined)?.properties ?? {})
    const key = path === '' ? params.additionalProperty : `${path}.${params.additionalProperty}`
    return `${key}: unknown key${suggestion(params.additionalProperty, known)}; known: ${known.join(', ')}`
  }
  if (params.allowedValues !== undefined) return `${at}: must be one of ${params.allowedValues.join(', ')}`
  if (params.propertyName !== undefined) return `${at}: the name ${quote(params.propertyName)} is not allowed`
  return `${at}: ${error.message ?? 'is not valid'}${quotesHint(error)}`
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

export function suggestion(word: string, known: readonly string[]): string {
  const near = nearest(word, known)
  return near === undefined ? '' : `, did you mean ${near}?`
}
