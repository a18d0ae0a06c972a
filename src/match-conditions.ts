/**
 * The conditions under which the API server calls the webhook, as CEL for the API server and as code for explaining why a pod
 * was not injected. The chart renders the same three; a test compares them.
 */

/** The fields of a pod that the conditions read. */
interface MatchablePod {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> }
}

export interface MatchCondition {
  readonly name: string
  readonly expression: string
  readonly holds: (pod: MatchablePod) => boolean
}

/** All have to hold. They are evaluated for the creation of pods only, so `object` is never null. */
export function matchConditions(prefix: string): readonly MatchCondition[] {
  return [
    {
      name: 'annotated',
      expression: `has(object.metadata.annotations) && object.metadata.annotations.exists(key, key.startsWith('${prefix}'))`,
      holds: (pod) => Object.keys(annotationsOf(pod)).some((key) => key.startsWith(prefix)),
    },
    {
      name: 'not-opted-out',
      expression: `!('${prefix}inject' in object.metadata.annotations) || object.metadata.annotations['${prefix}inject'] != 'false'`,
      holds: (pod) => annotationsOf(pod)[`${prefix}inject`] !== 'false',
    },
    {
      name: 'not-a-mirror-pod',
      expression: `!('kubernetes.io/config.mirror' in object.metadata.annotations)`,
      holds: (pod) => !('kubernetes.io/config.mirror' in annotationsOf(pod)),
    },
  ]
}

function annotationsOf(pod: MatchablePod): Readonly<Record<string, string>> {
  return pod.metadata?.annotations ?? {}
}
