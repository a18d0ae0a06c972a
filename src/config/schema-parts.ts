/** Shapes that several settings have, and their longest values. */
import { lengths } from '../values/annotation-row.ts'

/** Longest values, in characters. */
export const longest = {
  name: lengths.name,
  path: lengths.path,
  pattern: lengths.location,
  variable: 32 * 1024,
} as const
/** All in one variable of the loader: Linux starts no program with one of 128 KiB. */
export const longestCertificates = 120_000

export const names = { type: 'array', items: { type: 'string', minLength: 1, maxLength: longest.name } } as const
export const patterns = {
  type: 'array',
  items: { type: 'string', minLength: 1, maxLength: longest.pattern },
  minItems: 1,
} as const
