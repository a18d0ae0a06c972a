/**
 * Parses the operator's configuration: one strict YAML file. All mistakes are reported with their paths, and the result is
 * frozen.
 */
import { createHash } from 'node:crypto'
import { Ajv } from 'ajv'
import { parseDocument } from 'yaml'
import { defaultPrefix } from '../annotations.ts'
import { parseBytes } from '../values/quantity.ts'
import { placeholderImage } from './loader-image.ts'
import { configSchema, schemaProblems, type ConfigFile } from './config-file.ts'
import type { PolicyRule } from './policy.ts'
import { highestLimits, loweredLimits } from './limits.ts'
import { fileProblems } from './problems.ts'
import type { Config } from './config.ts'

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly string[] }

/** Built-in defaults. */
const builtIn: Omit<Config, 'hash' | 'limits' | 'policy'> = {
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
  },
  /** Containers that other webhooks and operators add to pods. */
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

const validateFile = new Ajv({ allErrors: true, allowUnionTypes: true, verbose: true }).compile<ConfigFile>(
  configSchema,
)

/** The configuration of an installation without a file. */
export const defaultConfig: Config = resolve({})

/** The same for a webhook whose Deployment names the image of loaders. */
export function defaultConfigWith(loaderImage: string | undefined): Config {
  return resolve({}, loaderImage)
}

/** Reads the text of a configuration file; an empty one is the default configuration. `loaderImage` holds where the text names none. */
export function parseConfig(text: string, loaderImage?: string): ConfigResult {
  const yaml = readYaml(text)
  if (!yaml.ok) return yaml
  const file = yaml.value ?? {}
  if (!validateFile(file)) return { ok: false, problems: schemaProblems(validateFile.errors ?? []) }
  const problems = fileProblems(file)
  return problems.length === 0 ? { ok: true, config: resolve(file, loaderImage) } : { ok: false, problems }
}

/** The same with loaders of another image. */
export function withImage(config: Config, image: string): Config {
  const changed = { ...config, defaults: { ...config.defaults, image } }
  return deepFreeze({ ...changed, hash: hashOf({ ...changed, limits: loweredLimits(config.limits), hash: undefined }) })
}

/** Strict: warnings of the library, as for an unknown tag, count as mistakes. */
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

function resolve(file: ConfigFile, image: string = placeholderImage): Config {
  const settings = {
    ...builtIn,
    ...file,
    defaults: { ...builtIn.defaults, image, ...stringValues(file.defaults ?? {}) },
    podIdentity: { ...builtIn.podIdentity, ...file.podIdentity },
    loader: { ...builtIn.loader, ...file.loader },
    policy: { ...file.policy, rules: (file.policy?.rules ?? []).map(resolveRule) },
  }
  // The highest limits are written as none at all: they shape no pod, and pods of earlier versions keep their hash.
  const hash = hashOf({ ...settings, limits: loweredLimits(file.limits ?? {}) })
  return deepFreeze({ ...settings, limits: { ...highestLimits, ...file.limits }, hash })
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

function hashOf(settings: object): string {
  return createHash('sha256')
    .update(JSON.stringify(sortKeys(settings)))
    .digest('hex')
    .slice(0, 16)
}

/** Makes the hash independent of the order of keys. */
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
