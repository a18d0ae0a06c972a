/** The operator's policy: rules about the models that pods may request. */
import { configSchema, type Settings } from './config-schema.ts'

type PolicySettings = Settings['policy']
export type WrittenRule = PolicySettings['rules'][number]

export interface PolicyRule extends Omit<WrittenRule, 'maxSize'> {
  readonly maxSizeBytes?: number
}

export interface Policy extends Omit<PolicySettings, 'rules'> {
  readonly rules: readonly PolicyRule[]
}

export const policyModes = configSchema.properties.policy.properties.mode.enum
export type PolicyMode = (typeof policyModes)[number]
