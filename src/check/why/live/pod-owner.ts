/** Numbers of an object that makes pods: how many it wants, and how many of those are not there. */
import type { KubernetesObject, LabelSelector } from '../../../cluster/objects.ts'
import type { Condition } from '../../../cluster/pod-status.ts'

/** The fields by which the kinds that make pods say how many they want and have. */
export interface PodOwner extends KubernetesObject {
  readonly spec?: {
    readonly replicas?: number
    readonly suspend?: boolean
    readonly parallelism?: number
    readonly completions?: number
    readonly selector?: LabelSelector
  }
  readonly status?: {
    readonly replicas?: number
    readonly desiredNumberScheduled?: number
    readonly currentNumberScheduled?: number
    readonly active?: number
    readonly succeeded?: number
    readonly conditions?: readonly Condition[]
  }
}

/** Pods that the controller of the object has not made. 0 also where the object does not say how many it wants. */
export function missingPods(owner: PodOwner): number {
  return Math.max(0, wantedPods(owner) - madePods(owner))
}

function wantedPods(owner: PodOwner): number {
  const { kind, spec = {}, status = {} } = owner
  if (kind === 'DaemonSet') return status.desiredNumberScheduled ?? 0
  if (kind === 'Job') return wantedOfJob(owner)
  return countingKinds.includes(kind) ? (spec.replicas ?? 1) : 0
}

const countingKinds = ['ReplicaSet', 'StatefulSet', 'Deployment', 'ReplicationController']

function wantedOfJob(job: PodOwner): number {
  const { suspend, parallelism = 1 } = job.spec ?? {}
  return isOver(job) || suspend === true ? 0 : Math.min(parallelism, openCompletions(job))
}

function openCompletions({ spec = {}, status = {} }: PodOwner): number {
  return spec.completions === undefined ? Number.POSITIVE_INFINITY : spec.completions - (status.succeeded ?? 0)
}

function madePods({ kind, status = {} }: PodOwner): number {
  if (kind === 'Job') return status.active ?? 0
  return (kind === 'DaemonSet' ? status.currentNumberScheduled : status.replicas) ?? 0
}

/** The reason why an object rightly has no pods. */
export function idleReason(owner: PodOwner): string | undefined {
  const { kind, spec = {}, status = {} } = owner
  if (spec.suspend === true) return 'it is suspended'
  if (spec.replicas === 0) return 'it is scaled to 0'
  if (kind === 'DaemonSet' && status.desiredNumberScheduled === 0) return 'no node is one of its nodes'
  if (kind === 'CronJob') return 'it has no Job yet'
  return conditionOf(owner, 'Complete') === undefined ? undefined : 'it is complete'
}

function isOver(owner: PodOwner): boolean {
  return conditionOf(owner, 'Complete') !== undefined || conditionOf(owner, 'Failed') !== undefined
}

/** Only if it is true. */
export function conditionOf({ status = {} }: PodOwner, wanted: string): Condition | undefined {
  return status.conditions?.find(({ type, status: value }) => type === wanted && value === 'True')
}

/** The condition of an object that gave up: a rollout past its deadline, a Job that failed. */
export function givenUp(owner: PodOwner): Condition | undefined {
  if (owner.kind === 'Job') return conditionOf(owner, 'Failed')
  return owner.status?.conditions?.find(
    ({ type, status, reason }) => type === 'Progressing' && status === 'False' && reason === 'ProgressDeadlineExceeded',
  )
}
