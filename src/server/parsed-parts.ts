/** A parsed configuration on its way from its thread: in parts that are small enough to be taken between two admissions. */
import type { ConfigResult } from '../config/parse-config.ts'
import type { PolicyRule } from '../config/policy.ts'

export interface ParseTask {
  readonly text: string
  readonly loaderImage: string | undefined
}

/** The result comes last, without the rules that came before. */
export type ParsedPart = { readonly rules: readonly PolicyRule[] } | { readonly result: ConfigResult }

/** Taken over and frozen in about a millisecond. */
const rulesPerPart = 500

export function* partsOf(result: ConfigResult): Generator<ParsedPart, undefined> {
  if (!result.ok) {
    yield { result }
    return
  }
  const { config } = result
  const { rules } = config.policy
  for (let at = 0; at < rules.length; at += rulesPerPart) yield { rules: rules.slice(at, at + rulesPerPart) }
  yield { result: { ok: true, config: { ...config, policy: { ...config.policy, rules: [] } } } }
}
