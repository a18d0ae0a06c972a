/**
 * Parses the operator's configuration: one strict YAML file. All mistakes are reported with their paths, and the result is
 * frozen.
 */
import { createHash } from 'node:crypto'
import { parseBytes } from '../values/quantity.ts'
import { placeholderImage } from './loader-image.ts'
import type { Config } from './config.ts'
import { configSchema, type ConfigFile, type Settings } from './config-schema.ts'
import { withDefaults } from './defaults.ts'
import { loweredLimits } from './limits.ts'
import type { PolicyRule, WrittenRule } from './policy.ts'
import { fileProblems } from './problems.ts'
import { firstProblems, readYaml } from './read-yaml.ts'
import { schemaProblems } from './schema-problems.ts'
import { validateConfig } from './validate-config.ts'

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly string[] }

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
  if (!validateConfig(file)) return refused(schemaProblems(validateConfig.errors ?? []))
  const problems = fileProblems(file)
  return problems.length === 0 ? { ok: true, config: resolve(file, loaderImage) } : refused(problems)
}

/** The same with loaders of another image. */
export function withImage(config: Config, image: string): Config {
  const changed = { ...config, defaults: { ...config.defaults, image } }
  return freezeDeeply({ ...changed, hash: hashOf({ ...shapingSettings(changed), hash: undefined }) })
}

function refused(problems: readonly string[]): ConfigResult {
  return { ok: false, problems: firstProblems(problems) }
}

function resolve(file: ConfigFile, image: string = placeholderImage): Config {
  const complete = withDefaults(configSchema, file) as Settings
  const settings = {
    ...complete,
    defaults: { image, ...stringValues(complete.defaults) },
    policy: { ...complete.policy, rules: complete.policy.rules.map(resolveRule) },
  }
  return freezeDeeply({ ...settings, hash: hashOf(shapingSettings(settings)) })
}

/** The highest limits are written as none at all, ownership is of what others add, and custom resources are read from files: none of these shapes a pod. */
function shapingSettings(settings: Omit<Config, 'hash'>): object {
  return { ...settings, limits: loweredLimits(settings.limits), ownership: undefined, customResources: undefined }
}

function resolveRule({ maxSize, ...rule }: WrittenRule): PolicyRule {
  const bytes = maxSize === undefined ? undefined : parseBytes(maxSize)
  return bytes?.ok ? { ...rule, maxSizeBytes: bytes.value } : rule
}

function stringValues(values: Settings['defaults']): Record<string, string> {
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

/** A value that is frozen already was frozen by this function, all of it. */
export function freezeDeeply<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.values(value).forEach(freezeDeeply)
    Object.freeze(value)
  }
  return value
}
