/**
 * Trust for principals that assume a role only to prove its permissions: the operator or CI job that runs `model-injector
 * check --identity`.
 */
import { sidAt } from './iam-policy.ts'
import { explain, type Branch } from './tree.ts'

/**
 * Prefix of that command's session names, to find them in CloudTrail. Differs from sessions of pods, which begin with eks-.
 */
export const checkSessionPrefix = 'model-injector-check'

export function isChecker(arn: string): boolean {
  return principalOf(arn) !== undefined
}

/**
 * `checker` is the ARN of a user or a role, or of a session of one: `arn:aws:sts::111122223333:assumed-role/NAME/SESSION`.
 * Undefined for principals that cannot assume a role, as the root user. `tags` are conditions, as `aws:RequestTag/…`; empty
 * with IRSA, whose sessions have no tags.
 */
export function checkerStatement(checker: string, tags: Branch, index = 0): Branch | undefined {
  const principal = principalOf(checker)
  if (principal === undefined) return undefined
  const hasTags = Object.keys(tags).length > 0
  return {
    Sid: sidAt('ModelInjectorCheck', index),
    Effect: 'Allow',
    Principal: principal.principal,
    Action: hasTags
      ? explain('With the tags of these pods only: with others it would read what others read.', [
          'sts:AssumeRole',
          'sts:TagSession',
        ])
      : 'sts:AssumeRole',
    ...conditionOf({ ...principal.condition, ...(hasTags ? { StringEquals: tags } : {}) }),
  }
}

function conditionOf(condition: Branch): Branch {
  return Object.keys(condition).length === 0 ? {} : { Condition: condition }
}

function principalOf(arn: string): { readonly principal: Branch; readonly condition: Branch } | undefined {
  if (/^arn:[\w-]+:iam::\d{12}:(?:user|role)\/\S+$/.test(arn)) return { principal: { AWS: arn }, condition: {} }
  const [, partition, accountId, name] = /^arn:([\w-]+):sts::(\d{12}):assumed-role\/([^/]+)\/.+$/.exec(arn) ?? []
  if (partition === undefined || accountId === undefined || name === undefined) return undefined
  const role = `arn:${partition}:iam::${accountId}:role`
  // The ARN of a session lacks the path of its role, and roles of IAM Identity Center have one.
  return {
    principal: { AWS: `arn:${partition}:iam::${accountId}:root` },
    condition: { ArnLike: { 'aws:PrincipalArn': [`${role}/${name}`, `${role}/*/${name}`] } },
  }
}
