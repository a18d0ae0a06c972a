/** One thing that is wrong, and what is said about it. */
import type { DeliveryCheckOptions } from '../../../../src/check/check-delivery.ts'
import type { Change, Problem } from './good-worlds.ts'

export interface Case {
  readonly what: string
  readonly change: Change
  readonly problems: readonly Problem[]
  /** Text of the first problem. */
  readonly says?: RegExp
  /** The first of its commands. */
  readonly command?: RegExp
  readonly options?: Partial<DeliveryCheckOptions>
}
