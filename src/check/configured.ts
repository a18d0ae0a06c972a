/** The operator's configuration if it can be read, else the built-in one. */
import type { Config } from '../config/config.ts'
import { defaultConfig } from '../config/parse-config.ts'
import { valueOf } from '../diagnosis/lookup.ts'
import type { Installation } from './installation.ts'

type Configured = Pick<Installation, 'configuration'>

export function configOf({ configuration }: Configured): Config {
  const result = valueOf(configuration)?.result
  return result?.ok === true ? result.config : defaultConfig
}

export function defaultCredentials(configured: Configured): string {
  return configOf(configured).defaults.credentials ?? 'pod-identity'
}
