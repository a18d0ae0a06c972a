/** Explains AWS refusals: the missing action, and the policy that has to allow it. */
import type { Refusal } from '../../aws/refusal.ts'

export function describeRefusal({ status, code, message }: Refusal): string {
  // Credentials providers explain themselves in the message.
  if (code.endsWith('ProviderError')) return message
  const text = message.includes(code) ? message : `${code}: ${message}`
  return status === 0 ? `no answer: ${text}` : `HTTP ${status}: ${text}`
}

/** True if a policy denied. An unknown key, a wrong signature or a skewed clock is also a 403, and proves nothing. */
export function isDenied({ status, code }: Refusal): boolean {
  return status === 403 && code === 'AccessDenied'
}

/** AWS names the one missing action, as in `is not authorized to perform: s3:ListBucket on resource: …`. */
export function isAbout({ message }: Refusal, action: string): boolean {
  return new RegExp(`perform: ${action}\\b`).test(message)
}

export const noAnswerRemedy =
  'see whether this host reaches it: HTTPS_PROXY and NO_PROXY, the VPC endpoint, and NODE_EXTRA_CA_CERTS where TLS is inspected'

const deciders: readonly (readonly [pattern: RegExp, remedy: string])[] = [
  [
    /service control policy/,
    'a service control policy stands in the way: the administrators of the organisation have to allow it',
  ],
  [
    /resource control policy/,
    'a resource control policy stands in the way: the administrators of the organisation have to allow it',
  ],
  [/permissions boundary/, 'the permissions boundary of the role has to allow it in addition to its policy'],
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

/** Undefined if only an Allow is missing, or if AWS does not give the cause. */
export function deciderRemedy({ message }: Refusal): string | undefined {
  return deciders.find(([pattern]) => pattern.test(message))?.[1]
}
