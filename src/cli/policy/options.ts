/** The options of `model-injector policy test` and the types that its modules share. */
import type { PolicyMode } from '../../config/policy.ts'
import { filenameFlag, filenameProblems, oneOf, parseSwitch, parseText, type Values } from '../../flags/flags.ts'
import type { ModelVerdict } from '../../inject/evaluate-pod-policy.ts'
import type { Diagnostic, SkipReason } from '../../reasons.ts'
import { configFlag } from '../manifest-command.ts'

export const outputNames = ['table', 'json', 'junit'] as const
const expectations = ['allowed', 'denied'] as const

const flags = {
  filename: filenameFlag,
  config: { ...configFlag, description: "operator's configuration file, which has the policy" },
  namespace: {
    term: '-n, --namespace <name>',
    description: 'namespace of objects that name none',
    parse: parseText,
    default: 'default',
  },
  output: { term: '-o, --output <format>', description: 'format', ...oneOf(outputNames), default: 'table' },
  expect: {
    term: '--expect <verdict>',
    description: 'verdict that every pod must have',
    ...oneOf(expectations),
    default: 'allowed',
  },
  auditWarn: {
    term: '--audit-warn',
    description: 'let pods pass that are denied in namespaces in audit mode',
    parse: parseSwitch,
  },
} as const

export type PolicyTestOptions = Values<typeof flags, 'filename' | 'config'>

export const policyTestTable = {
  flags,
  required: ['filename', 'config'],
  problems: ({ filename = [] }: Partial<PolicyTestOptions>): readonly string[] => filenameProblems(filename),
} as const

export interface TestedPod {
  readonly file: string
  /** `deployment/chat` */
  readonly title: string
  readonly namespace: string
  /** `unjudged`: an annotation has no value yet. */
  readonly verdict: 'allowed' | 'denied' | 'skipped' | 'unjudged'
  /** Reason for the skip or the denial: NotAllowed is from the policy, all others are other mistakes. */
  readonly reason?: SkipReason | Diagnostic['reason']
  readonly mode?: PolicyMode
  readonly models: readonly ModelVerdict[]
  /** Mistakes that the policy does not decide. */
  readonly problems: readonly string[]
  /** What the pod's author should know, whatever the verdict. */
  readonly warnings: readonly string[]
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
