import { bytesValue, Mi } from './quantity.ts'
import type { ValueKind } from './value-form.ts'

/** The engines of a download, and the place of the one that is a program of its own. */
export const engines = ['native', 's5cmd'] as const
export type EngineName = (typeof engines)[number]

/** Below it the loader would be killed for its memory in the middle of a download; s5cmd is a second program in addition to it. */
export const leastLoaderMemoryBytes: Readonly<Record<EngineName, number>> = { native: 192 * Mi, s5cmd: 256 * Mi }

export const loaderMemoryValue: ValueKind<number> = {
  parse: bytesValue.parse,
  form: {
    ...bytesValue.form,
    accepted: 'a quantity of at least 192Mi',
    // A fraction of a byte is rounded up.
    quantity: { above: String(leastLoaderMemoryBytes.native - 1), most: String(Number.MAX_SAFE_INTEGER) },
    leavesOpen: 'less than 256Mi with the engine s5cmd',
  },
}

/** As the image of the product has it. */
export const defaultS5cmdPath = '/usr/local/bin/s5cmd'
