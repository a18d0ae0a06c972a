/** Limits of what one pod may ask for. */
import { configSchema, type Settings } from './config-schema.ts'
import { withDefaults } from './defaults.ts'

export type PodLimits = Settings['limits']

export const highestLimits = withDefaults(configSchema.properties.limits) as PodLimits

/** The limits that were lowered; undefined if none was. */
export function loweredLimits(limits: Partial<PodLimits>): Partial<PodLimits> | undefined {
  const lowered = Object.entries(limits).filter(([name, limit]) => limit < highestLimits[name as keyof PodLimits])
  return lowered.length === 0 ? undefined : Object.fromEntries(lowered)
}
