/** The operator's policy: rules about what pods may ask for. */

export interface PolicyRule {
  readonly name: string
  /** Patterns; a rule is about the pods of these namespaces. */
  readonly namespaces: readonly string[]
  /** Patterns on the source's URI. Without the list every source but `node://` is allowed, likewise below. */
  readonly sources?: readonly string[]
  readonly endpoints?: readonly string[]
  readonly credentials?: readonly string[]
  readonly serviceAccounts?: readonly string[]
  readonly deliveries?: readonly string[]
  readonly mountPaths?: readonly string[]
  /** Loader images that pods may ask for; without the list none but the operator's own. */
  readonly images?: readonly string[]
  readonly maxSizeBytes?: number
}

export const policyModes = ['enforce', 'audit'] as const
export type PolicyMode = (typeof policyModes)[number]

export interface Policy {
  readonly rules: readonly PolicyRule[]
  /** What a refusal does: it denies the pod (default), or it only warns while the rules are on trial. */
  readonly mode?: PolicyMode
  /** Patterns of the namespaces in which the rules are enforced already although the mode is audit. */
  readonly enforceNamespaces?: readonly string[]
  /** Patterns of the namespaces in which the rules are still on trial although the mode is enforce. */
  readonly auditNamespaces?: readonly string[]
}
