/** Says in words what AWS refused, and who has to allow it where. */
import type { Refusal } from '../../aws/refusal.ts'

export function wordsOf({ status, code, message }: Refusal): string {
  // A provider of credentials says it in words.
  if (code.endsWith('ProviderError')) return message
  const text = message.includes(code) ? message : `${code}: ${message}`
  return status === 0 ? `no answer: ${text}` : `HTTP ${status}: ${text}`
}

/** By a policy. An unknown key, a wrong signature or a clock that is off is a 403, too, and proves nothing. */
export function isDenied({ status, code }: Refusal): boolean {
  return status === 403 && code === 'AccessDenied'
}

/** AWS names the one action that was missing, as in `is not authorized to perform: s3:ListBucket on resource: …`. */
export function isAbout({ message }: Refusal, action: string): boolean {
  return new RegExp(`perform: ${action}\\b`).test(message)
}

export const noAnswerRemedy =
  'see whether this host reaches it: HTTPS_PROXY and NO_PROXY, the VPC endpoint, and NODE_EXTRA_CA_CERTS where TLS is inspected'

const deciders: readonly (readonly [pattern: RegExp, remedy: string])[] = [
  [
    /service control policy/,
    'a service control policy stands in the way: who manages the organisation has to allow it',
  ],
  [
    /resource control policy/,
    'a resource control policy stands in the way: who manages the organisation has to allow it',
  ],
  [/permissions boundary/, 'the permissions boundary of the role has to allow it beside its policy'],
  [
    /VPC endpoint policy/,
    'the policy of the VPC endpoint, through which you came, has to allow it; that of the nodes may be another',
  ],
  [
    /deny in a resource-based policy/,
    'the policy of what is asked for (the bucket, the key or the role itself) has a Deny that holds for this role: except the role from it',
  ],
  [/deny in an identity-based policy/, 'a policy of the role has a Deny that holds here: except this from it'],
]

/** Undefined where nothing but a missing Allow is the cause, or AWS does not say. */
export function deciderRemedy({ message }: Refusal): string | undefined {
  return deciders.find(([pattern]) => pattern.test(message))?.[1]
}
