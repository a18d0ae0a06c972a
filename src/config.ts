/**
 * The operator's configuration: one strict YAML file. It is read once, whole: every mistake is reported with its path,
 * and what comes out is frozen. Reading the file and noticing that it changed is somebody else's work.
 */
import { createHash, X509Certificate } from 'node:crypto'
import { Ajv, type ErrorObject } from 'ajv'
import { parseDocument } from 'yaml'
import {
  annotationNames,
  annotations,
  defaultPrefix,
  deliveries,
  isAnnotationName,
  type AnnotationName,
} from './annotations.ts'
import { nearest } from './nearest.ts'
import { parseClusterVersion } from './values/cluster-version.ts'
import { parseProxy } from './values/endpoint.ts'
import { matchesPattern } from './values/pattern.ts'
import { parseCertificates } from './values/pem.ts'
import { parseBytes } from './values/quantity.ts'
import { quote } from './reasons.ts'
import { version } from './version.ts'

export interface PolicyRule {
  readonly name: string
  /** Patterns; a rule is about the pods of these namespaces. */
  readonly namespaces: readonly string[]
  /** Patterns on the source's URI. Without the list every source but `node://` is allowed, likewise below. */
  readonly sources?: readonly string[]
  readonly endpoints?: readonly string[]
  readonly credentials?: readonly string[]
  readonly serviceAccounts?: readonly string[]
  readonly deliveries?: readonly string[]
  readonly mountPaths?: readonly string[]
  /** Loader images that pods may ask for; without the list none but the operator's own. */
  readonly images?: readonly string[]
  readonly maxSizeBytes?: number
}

export const policyModes = ['enforce', 'audit'] as const
export type PolicyMode = (typeof policyModes)[number]

export interface Policy {
  readonly rules: readonly PolicyRule[]
  /** What a refusal does: it denies the pod (default), or it only warns while the rules are on trial. */
  readonly mode?: PolicyMode
  /** Patterns of the namespaces in which the rules are enforced already although the mode is audit. */
  readonly enforceNamespaces?: readonly string[]
  /** Patterns of the namespaces in which the rules are still on trial although the mode is enforce. */
  readonly auditNamespaces?: readonly string[]
}

export interface Config {
  /** Ends in a slash. */
  readonly annotationPrefix: string
  /** As written in an annotation; valid, because the annotation's own parser has read them. */
  readonly defaults: Readonly<Partial<Record<AnnotationName, string>>>
  /** App containers that get no model unless they are named. */
  readonly sidecars: readonly string[]
  readonly unknownAnnotations: 'deny' | 'warn'
  /** OpenShift chooses user ids itself and refuses others. */
  readonly openshift: boolean
  readonly podIdentity: { readonly uri: string }
  readonly loader: {
    /** Of the engine s5cmd, which has a default of its own; the native engine's is the default of the image annotation. */
    readonly s5cmdImage?: string
    readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never'
    readonly imagePullSecrets: readonly string[]
    readonly env: Readonly<Record<string, string>>
    readonly proxy?: {
      /** http://host:port */
      readonly url: string
      /** Hosts that are reached without it, as in NO_PROXY. */
      readonly noProxy?: readonly string[]
    }
    /** PEM of authorities that loaders trust beside the public ones, for an endpoint of the operator's own. */
    readonly caCertificates?: string
  }
  /** What the cluster can do depends on its version; without it, nothing that an older one would do wrong is done. */
  readonly cluster?: { readonly version?: string }
  readonly mountpoint?: {
    /** Whether the Mountpoint CSI driver reserves room for its own pods, and takes the gate away once it has. */
    readonly headroomGate?: boolean
  }
  readonly policy: Policy
  /** 16 hexadecimal digits that change when anything above does. */
  readonly hash: string
}

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly string[] }

/** What holds where the file is silent. */
const builtIn: Omit<Config, 'hash' | 'policy'> = {
  annotationPrefix: defaultPrefix,
  defaults: {
    delivery: 'download',
    'mount-path': '/models/NAME',
    'read-only': 'true',
    volume: 'disk',
    credentials: 'pod-identity',
    'credentials-scope': 'pod',
    'init-order': 'auto',
    'run-as-user': 'auto',
    cpu: '2',
    memory: '512Mi',
    timeout: '2h',
    'stall-timeout': '2m',
    engine: 'native',
    image: `model-injector:${version}`,
  },
  /** Containers that other webhooks and operators put beside the app. */
  sidecars: [
    'istio-proxy',
    'linkerd-proxy',
    'envoy',
    'envoy-sidecar',
    'consul-dataplane',
    'kuma-sidecar',
    'daprd',
    'vault-agent',
    'cloud-sql-proxy',
    'aws-otel-collector',
    'otc-container',
    'datadog-agent',
    'fluent-bit',
    'fluentd',
    'xray-daemon',
    'queue-proxy',
    'wait',
    'gke-gcsfuse-sidecar',
  ],
  unknownAnnotations: 'deny',
  openshift: false,
  podIdentity: { uri: 'http://169.254.170.23/v1/credentials' },
  loader: { imagePullPolicy: 'IfNotPresent', imagePullSecrets: [], env: {} },
}

interface ConfigFile {
  annotationPrefix?: string
  defaults?: Record<string, string | number | boolean>
  sidecars?: string[]
  unknownAnnotations?: 'deny' | 'warn'
  openshift?: boolean
  podIdentity?: { uri?: string }
  loader?: Partial<Config['loader']>
  cluster?: NonNullable<Config['cluster']>
  mountpoint?: NonNullable<Config['mountpoint']>
  policy?: Partial<Omit<Policy, 'rules'>> & { rules?: (Omit<PolicyRule, 'maxSizeBytes'> & { maxSize?: string })[] }
}

const strings = { type: 'array', items: { type: 'string', minLength: 1 } } as const
const nonEmptyStrings = { ...strings, minItems: 1 } as const

/** The chart checks its values by it too. */
export const configSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    // Node labels have `node.` in front of it, and no more than 253 characters before the slash.
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

const validateFile = new Ajv({ allErrors: true, allowUnionTypes: true, verbose: true }).compile<ConfigFile>(
  configSchema,
)

/** The configuration of an installation that configured nothing. */
export const defaultConfig: Config = resolve({})

/** Reads the text of a configuration file; an empty one is the default configuration. */
export function parseConfig(text: string): ConfigResult {
  const yaml = readYaml(text)
  if (!yaml.ok) return yaml
  const file = yaml.value ?? {}
  if (!validateFile(file)) return { ok: false, problems: schemaProblems(validateFile.errors ?? []) }
  const problems = [
    ...defaultsProblems(file),
    ...clusterProblems(file),
    ...networkProblems(file),
    ...policyProblems(file),
  ]
  return problems.length === 0 ? { ok: true, config: resolve(file) } : { ok: false, problems }
}

/** Strictly: what the library only warns about, as a tag that it does not know, is a mistake here. */
function readYaml(text: string): { ok: true; value: unknown } | { ok: false; problems: readonly string[] } {
  const document = parseDocument(text, { logLevel: 'silent' })
  const problems = [...document.errors, ...document.warnings].map(({ message }) => `not readable as YAML: ${message}`)
  if (problems.length > 0) return { ok: false, problems }
  try {
    return { ok: true, value: document.toJS({ maxAliasCount: 100 }) }
  } catch (error) {
    return { ok: false, problems: [`not readable as YAML: ${error instanceof Error ? error.message : String(error)}`] }
  }
}

function resolve(file: ConfigFile): Config {
  const settings = {
    ...builtIn,
    ...file,
    defaults: { ...builtIn.defaults, ...stringValues(file.defaults ?? {}) },
    podIdentity: { ...builtIn.podIdentity, ...file.podIdentity },
    loader: { ...builtIn.loader, ...file.loader },
    policy: { ...file.policy, rules: (file.policy?.rules ?? []).map(resolveRule) },
  }
  return deepFreeze({ ...settings, hash: hashOf(settings) })
}

function resolveRule({
  maxSize,
  ...rule
}: NonNullable<NonNullable<ConfigFile['policy']>['rules']>[number]): PolicyRule {
  const bytes = maxSize === undefined ? undefined : parseBytes(maxSize)
  return bytes?.ok ? { ...rule, maxSizeBytes: bytes.value } : rule
}

function stringValues(values: Record<string, string | number | boolean>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]))
}

/** Defaults are read by the parser of the annotation they stand in for. */
function defaultsProblems(file: ConfigFile): string[] {
  return Object.entries(file.defaults ?? {}).flatMap(([name, value]) => {
    const at = `defaults.${name}`
    const allowed = annotationNames.filter((known) => annotations[known].operator)
    if (!isAnnotationName(name)) return [`${at}: is no annotation${suggestion(name, allowed)}`]
    const row = annotations[name]
    if (!row.operator) return [`${at}: has no default that an operator can set; those that have: ${allowed.join(', ')}`]
    const result = row.parse(String(value).replaceAll('NAME', 'name'))
    return result.ok ? [] : [`${at}: ${quote(String(value))} ${result.problem}; accepted: ${row.accepted}`]
  })
}

function clusterProblems({ cluster }: ConfigFile): string[] {
  const version = parseClusterVersion(cluster?.version ?? '1.0')
  return version.ok
    ? []
    : [`cluster.version: ${quote(cluster?.version ?? '')} ${version.problem}; accepted: as 1.36 or v1.36.2-eks-1a2b3c4`]
}

function networkProblems({ loader }: ConfigFile): string[] {
  return [proxyProblem(loader?.proxy?.url), certificatesProblem(loader?.caCertificates)].flatMap(
    (problem) => problem ?? [],
  )
}

/** What is configured here is to be read in every pod. */
function proxyProblem(url: string | undefined): string | undefined {
  if (url === undefined) return undefined
  if (url.includes('@'))
    return 'loader.proxy.url: has a user name, which everybody could read in the pods; let the proxy know the nodes by their addresses'
  const proxy = parseProxy(url)
  return proxy.ok ? undefined : `loader.proxy.url: ${quote(url)} ${proxy.problem}`
}

function certificatesProblem(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const blocks = parseCertificates(text)
  if (!blocks.ok) return `loader.caCertificates: ${blocks.problem}`
  const unreadable = blocks.value.findIndex((block) => !isCertificate(block))
  return unreadable === -1 ? undefined : `loader.caCertificates: block ${unreadable + 1} is not a certificate`
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}

function policyProblems(file: ConfigFile): string[] {
  return [...ruleProblems(file.policy?.rules ?? []), ...modeProblems(file.policy ?? {})]
}

/** A list that says what the mode says already was meant for the other mode: pods would be denied, or not, against the intention. */
function modeProblems({
  mode = 'enforce',
  enforceNamespaces = [],
  auditNamespaces = [],
}: NonNullable<ConfigFile['policy']>): string[] {
  const [list, namespaces, other] =
    mode === 'enforce'
      ? ['enforceNamespaces', enforceNamespaces, 'audit']
      : ['auditNamespaces', auditNamespaces, 'enforce']
  return namespaces.length === 0
    ? []
    : [`policy.${list}: has no effect with mode ${mode}; it names the exceptions of mode ${other}`]
}

function ruleProblems(rules: NonNullable<NonNullable<ConfigFile['policy']>['rules']>): string[] {
  return rules.flatMap((rule, i) => {
    const size = rule.maxSize === undefined ? undefined : parseBytes(rule.maxSize)
    const twice = rules.findIndex((other) => other.name === rule.name) < i
    return [
      deliveryProblems(rule.deliveries ?? [], `policy.rules[${i}].deliveries`),
      size?.ok === false ? [`policy.rules[${i}].maxSize: ${quote(rule.maxSize ?? '')} ${size.problem}`] : [],
      twice ? [`policy.rules[${i}].name: ${quote(rule.name)} names another rule already`] : [],
    ].flat()
  })
}

/** A rule that can never be met is a slip of the pen: `pvc` is the scheme of a source, and its delivery is `claim`. */
function deliveryProblems(patterns: readonly string[], at: string): string[] {
  return patterns.flatMap((pattern, i) =>
    deliveries.some((delivery) => matchesPattern(pattern, delivery))
      ? []
      : [`${at}[${i}]: ${quote(pattern)} matches no delivery; there are ${deliveries.join(', ')}`],
  )
}

/** A name that its pattern refuses is reported twice; the report without the name is left out. */
function schemaProblems(errors: readonly ErrorObject[]): string[] {
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

/** YAML takes 1.40 for the number 1.4. */
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

function suggestion(word: string, known: readonly string[]): string {
  const near = nearest(word, known)
  return near === undefined ? '' : `, did you mean ${near}?`
}

function hashOf(settings: object): string {
  return createHash('sha256')
    .update(JSON.stringify(sortKeys(settings)))
    .digest('hex')
    .slice(0, 16)
}

/** Two files that say the same in another order are one configuration. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, item]) => [key, sortKeys(item)]))
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze)
    Object.freeze(value)
  }
  return value
}
