/** Parses the ARNs of roles, clusters and callers. */
import { parsed, unreadable, type Parsed } from '../../values/parsed.ts'
import type { EksCluster } from '../../render/arn.ts'

export interface RoleArn {
  readonly arn: string
  readonly partition: string
  readonly accountId: string
  /** Name without its path. */
  readonly name: string
}

export function parseRoleArn(text: string): Parsed<RoleArn> {
  const [, partition, accountId, path] =
    /^arn:(aws(?:-[a-z]+)*):iam::(\d{12}):role\/([\w+=,.@/-]{1,576})$/.exec(text) ?? []
  if (partition === undefined || accountId === undefined || path === undefined) {
    return unreadable('is not the ARN of a role')
  }
  return parsed({ arn: text, partition, accountId, name: path.slice(path.lastIndexOf('/') + 1) })
}

export interface ClusterArn extends EksCluster {
  readonly arn: string
}

export function parseClusterArn(text: string): Parsed<ClusterArn> {
  const [, region, accountId, name] =
    /^arn:aws(?:-[a-z]+)*:eks:([a-z0-9-]+):(\d{12}):cluster\/([0-9A-Za-z][0-9A-Za-z_-]{0,99})$/.exec(text) ?? []
  if (region === undefined || accountId === undefined || name === undefined) {
    return unreadable('is not the ARN of an EKS cluster')
  }
  return parsed({ arn: text, region, accountId, name })
}

/** Accepts the context names of `aws eks update-kubeconfig` (the ARN) and eksctl (`user@NAME.REGION.eksctl.io`). */
export function clusterOfContext(context: string): Partial<ClusterArn> {
  const arn = parseClusterArn(context)
  if (arn.ok) return arn.value
  const [, name, region] =
    /@([0-9A-Za-z][0-9A-Za-z_-]{0,99})\.([a-z]{2,4}(?:-[a-z]+)+-\d{1,2})\.eksctl\.io$/.exec(context) ?? []
  return name === undefined || region === undefined ? {} : { name, region }
}

/**
 * `pod`: a session of EKS Pod Identity; `node`: of an EC2 instance. Both are sessions of a role, recognised by the session
 * names that EKS and EC2 give.
 */
export type Caller =
  | { readonly kind: 'root' | 'other' }
  | { readonly kind: 'user'; readonly name: string }
  | { readonly kind: 'role' | 'node' | 'pod'; readonly name: string; readonly session: string }

export function callerOf(arn: string): Caller {
  if (/^arn:[\w-]+:iam::\d+:root$/.test(arn)) return { kind: 'root' }
  const user = /^arn:[\w-]+:iam::\d+:user\/(.+)$/.exec(arn)?.[1]
  if (user !== undefined) return { kind: 'user', name: user.slice(user.lastIndexOf('/') + 1) }
  const [, name, session] = /^arn:[\w-]+:sts::\d+:assumed-role\/([^/]+)\/(.+)$/.exec(arn) ?? []
  return name === undefined || session === undefined ? { kind: 'other' } : { kind: kindOf(session), name, session }
}

function kindOf(session: string): 'role' | 'node' | 'pod' {
  if (/^i-(?:[0-9a-f]{8}|[0-9a-f]{17})$/.test(session)) return 'node'
  return /^eks-.+-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(session) ? 'pod' : 'role'
}
