/** Assumes the role as a pod does, with the tags of a hypothetical pod. */
import type { AssumedRole, RoleCalls } from '../../aws/assume-role.ts'
import type { Attempt, Refusal } from '../../aws/refusal.ts'
import type { Identity } from '../../render/access.ts'
import { checkerStatement } from '../../render/checker-trust.ts'
import { quoteWord } from '../../values/shell.ts'
import { plain } from '../../render/tree.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { error, ok, warning } from './checks.ts'
import type { ClusterArn, RoleArn } from './arns.ts'
import type { Principal } from './caller.ts'
import { deciderRemedy, isAbout, isDenied, noAnswerRemedy, describeRefusal } from './refusals.ts'
import { commonTags, podTags, readOnlyPolicy, sessionName, type Tags } from './session.ts'

export interface PodRole {
  readonly identity: Identity
  readonly role: RoleArn
  /** Cluster for the session tags; undefined with IRSA, which has no tags. */
  readonly cluster: ClusterArn | undefined
}

export interface AssumeResult {
  readonly session: AssumedRole | undefined
  readonly findings: readonly Finding[]
}

export async function assumePodRole(calls: RoleCalls, pods: PodRole, principal: Principal): Promise<AssumeResult> {
  const { identity, role, cluster } = pods
  const name = sessionName(identity)
  const assume = (tags: Tags): Promise<Attempt<AssumedRole>> =>
    calls.assumeRole({ roleArn: role.arn, sessionName: name, tags, policy: readOnlyPolicy })
  const whole = await assume(cluster === undefined ? {} : podTags(identity, cluster))
  const isCut = cluster !== undefined && !whole.ok && isTooLarge(whole.refusal)
  const assumed = isCut ? await assume(commonTags(identity, cluster)) : whole
  if (!assumed.ok) return { session: undefined, findings: [judgeRefusal(assumed.refusal, pods, principal)] }
  const session = assumed.value
  return {
    session,
    findings: [
      ok('role-assumed', `as ${name}, for 15 minutes, read-only`),
      cluster === undefined ? judgeNoTags(principal) : judgeTags(identity, cluster, { ...session, isCut }),
    ],
  }
}

function judgeNoTags({ caller }: Principal): Finding {
  if (caller.kind !== 'pod') return ok('session-tags', 'none, as pods that use IRSA have none')
  return warning(
    'session-tags',
    'pods that use IRSA have none, but the caller is a pod of EKS Pod Identity, whose own tags are passed on',
    'run it from a shell or from CI, by IRSA, or from a pod whose association has session tags disabled',
  )
}

function judgeTags(
  { namespace, serviceAccount }: Identity,
  cluster: ClusterArn,
  { tokenPercent, isCut }: AssumedRole & { readonly isCut: boolean },
): Finding {
  const cut = isCut ? ', without the name and uid of a pod, for which there was no room' : ''
  const room = tokenPercent === undefined ? '' : ` (the session token is ${tokenPercent} % full)`
  return ok('session-tags', `those of a pod of ${namespace}/${serviceAccount} in ${cluster.name}${cut}${room}`)
}

/** STS limits the packed size of tags and policy, and documents no formula for it. */
function isTooLarge({ code }: Refusal): boolean {
  return code === 'PackedPolicyTooLarge' || code === 'PackedPolicyTooLargeException'
}

function judgeRefusal(refusal: Refusal, pods: PodRole, principal: Principal): Finding {
  const what = `${pods.role.arn}: ${describeRefusal(refusal)}`
  if (refusal.status === 0) return error('role-assumed', what, noAnswerRemedy)
  return (
    tagProblem(refusal, what, principal) ??
    (isDenied(refusal) ? denial(refusal, what, pods, principal) : error('role-assumed', what, 'fix what STS reports'))
  )
}

function tagProblem(refusal: Refusal, what: string, { caller }: Principal): Finding | undefined {
  if (isTooLarge(refusal)) {
    return error(
      'session-tags',
      what,
      'use a session without transitive tags of its own, since they share the same limit; very long names of namespace and service account count, too',
    )
  }
  // STS refuses a tag that the calling session already has as a transitive tag; the tags of EKS Pod Identity are
  // transitive.
  const isInherited = refusal.message.includes('transitive tag') || (caller.kind === 'pod' && refusal.status === 400)
  if (!isInherited) return undefined
  return error(
    'session-tags',
    what,
    'your own session has these tags, and passes them on: run it from a shell or from CI, by IRSA, or from a pod whose association has session tags disabled',
  )
}

function denial(
  refusal: Refusal,
  what: string,
  { identity, role, cluster }: PodRole,
  { arn, caller }: Principal,
): Finding {
  const id = isAbout(refusal, 'sts:TagSession') ? 'session-tags' : 'role-assumed'
  if (caller.kind === 'node') {
    return error(id, what, 'nothing: the role of a node rightly may not; use other credentials')
  }
  const decided = deciderRemedy(refusal)
  const statement = checkerStatement(arn, cluster === undefined ? {} : statementTags(identity, cluster))
  if (decided !== undefined || statement === undefined) return error(id, what, decided)
  const actions = cluster === undefined ? 'sts:AssumeRole' : 'sts:AssumeRole and sts:TagSession'
  const remedy = `let its trust policy name you, as here or with model-injector render download --checked-by, and allow yourself ${actions} on it; a role that does not exist is refused with the same words`
  return withCommands(
    error(id, what, remedy),
    `aws iam get-role --role-name ${quoteWord(role.name)} --query Role.AssumeRolePolicyDocument --output json | jq ${quoteWord(`.Statement += [${JSON.stringify(plain(statement))}]`)} > trust-policy.json`,
    `aws iam update-assume-role-policy --role-name ${quoteWord(role.name)} --policy-document file://trust-policy.json`,
  )
}

/** Without the tags of the pod itself, which are different for every pod. */
function statementTags({ namespace, serviceAccount }: Identity, { arn }: ClusterArn): Readonly<Record<string, string>> {
  return {
    'aws:RequestTag/eks-cluster-arn': arn,
    'aws:RequestTag/kubernetes-namespace': namespace,
    'aws:RequestTag/kubernetes-service-account': serviceAccount,
  }
}
