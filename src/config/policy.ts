/** The operator's policy: rules about the models that pods may request. */

export interface PolicyRule {
  readonly name: string
  /** Patterns of the namespaces that the rule applies to. */
  readonly namespaces: readonly string[]
  /** Patterns of source URIs. Without the list every source but `node://` is allowed, likewise below. */
  readonly sources?: readonly string[]
  readonly endpoints?: readonly string[]
  readonly credentials?: readonly string[]
  readonly serviceAccounts?: readonly string[]
  readonly deliveries?: readonly string[]
  readonly mountPaths?: readonly string[]
  /** Loader images that pods may choose; without the list only the operator's own. */
  readonly images?: readonly string[]
  readonly maxSizeBytes?: number
}

export const policyModes = ['enforce', 'audit'] as const
export type PolicyMode = (typeof policyModes)[number]

export interface Policy {
  readonly rules: readonly PolicyRule[]
  /** Effect of a violation: enforce denies the pod (default); in audit mode, violations warn instead of deny. */
  readonly mode?: PolicyMode
  /** Patterns of namespaces whose rules are enforced although the mode is audit. */
  readonly enforceNamespaces?: readonly string[]
  /** Patterns of namespaces in audit mode although the mode is enforce. */
  readonly auditNamespaces?: readonly string[]
}
