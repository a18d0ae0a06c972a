/** A pod beside its plan, and the result of comparing some of its fields. */
import type { Config } from '../../config/config.ts'
import type { Pod } from '../../pod/pod.ts'
import type { InjectionPlan } from '../injection-plan.ts'
import type { Status } from '../status.ts'
import type { PartChange } from './loader-change.ts'

export interface ComparedPod {
  readonly pod: Pod
  /** The pod without what is recorded as ours. */
  readonly bare: Pod
  readonly plan: InjectionPlan
  readonly status: Status
  readonly config: Config
}

export interface ComparedField {
  /** Fields with the value that they should have; without those that stay. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly changes: readonly PartChange[]
}

export const steering = { class: 'steering' } as const
