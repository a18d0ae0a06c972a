/** The options of `model-injector policy test` and the types that its modules share. */
import type { PolicyMode } from '../../config/policy.ts'
import type { ModelVerdict } from '../../inject/evaluate-pod-policy.ts'
import type { Diagnostic, SkipReason } from '../../reasons.ts'

export const outputNames = ['table', 'json', 'junit'] as const
export const expectations = ['allowed', 'denied'] as const

export interface PolicyTestOptions {
  readonly filename: readonly string[]
  readonly config: string
  readonly namespace: string
  readonly output: (typeof outputNames)[number]
  readonly expect: (typeof expectations)[number]
  readonly auditWarn?: true
}

export interface TestedPod {
  readonly file: string
  /** `deployment/chat` */
  readonly title: string
  readonly namespace: string
  readonly verdict: 'allowed' | 'denied' | 'skipped'
  /** Reason for the skip or the denial: NotAllowed is from the policy, all others are other mistakes. */
  readonly reason?: SkipReason | Diagnostic['reason']
  readonly mode?: PolicyMode
  readonly models: readonly ModelVerdict[]
  /** Mistakes that the policy does not decide. */
  readonly problems: readonly string[]
  readonly asExpected: boolean
}

export interface UnusedRule {
  readonly name: string
  readonly why: string
}

export interface PolicyReport {
  readonly config: string
  readonly pods: readonly TestedPod[]
  readonly unusedRules: readonly UnusedRule[]
}
