/**
 * Obstacles that keep a pod from running, read from its status in the words of kubelet and scheduler: images, crashes, missing
 * Secrets, nodes. Pure; what only events say (a volume that cannot be mounted) is not here.
 */
import type { ClusterPod } from '../cluster/objects.ts'
import type { ContainerEnd, ContainerStatus } from '../cluster/pod-status.ts'
import { singleLine } from '../values/print/printable.ts'

export interface PodObstacle {
  /** `ImagePullBackOff`, `CrashLoopBackOff`, `Unschedulable`, `Evicted` */
  readonly reason: string
  readonly kind: 'image' | 'crash' | 'start' | 'scheduling' | 'pod'
  /** Undefined: it is about the pod as a whole. */
  readonly container: ObstructedContainer | undefined
  /** The kubelet's or the scheduler's, on one line; may be empty. */
  readonly message: string
}

interface ObstructedContainer {
  readonly name: string
  readonly isInit: boolean
  /** As the pod's spec has it. */
  readonly image: string
  readonly restarts: number
  readonly lastEnd: ContainerEnd | undefined
}

/** `ErrImageNeverPull` follows from the pull policy, the others from name, registry and network. */
const imageReasons: readonly string[] = [
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
]

/** Every pod passes through them. */
const usualReasons: readonly string[] = ['ContainerCreating', 'PodInitializing']

export interface WaitingObstacle {
  readonly reason: string
  readonly kind: 'image' | 'crash' | 'start'
  readonly message: string
}

/** The reason for which a container does not start; undefined while it waits for its turn. */
export function waitingObstacle({ state }: ContainerStatus): WaitingObstacle | undefined {
  const { reason = '', message = '' } = state?.waiting ?? {}
  if (usualReasons.includes(reason) || reason === '') return undefined
  return { reason, kind: kindOf(reason), message: singleLine(message) }
}

/** In the order in which a pod meets them; empty if its status names none. */
export function obstaclesOf(pod: ClusterPod): readonly PodObstacle[] {
  const { status = {} } = pod
  return [
    ...schedulingObstacles(pod),
    ...(status.initContainerStatuses ?? []).flatMap((container) => containerObstacles(container, pod, true)),
    ...(status.containerStatuses ?? []).flatMap((container) => containerObstacles(container, pod, false)),
    ...podObstacles(pod),
  ]
}

export function describeObstacle({ reason, kind, container, message }: PodObstacle): string {
  if (container === undefined) return joined(reason, message)
  const { name, isInit, image, restarts, lastEnd } = container
  const subject = `${isInit ? 'init container' : 'container'} ${name}`
  if (kind === 'image') return `${subject}: ${joined(`${reason} of ${image}`, message)}`
  if (kind === 'start') return `${subject}: ${joined(reason, message)}`
  const times = restarts === 0 ? '' : `, restarted ${restarts} ${restarts === 1 ? 'time' : 'times'}`
  return `${subject}: ${reason}${times}${lastEnd === undefined ? '' : `; ${describeEnd(lastEnd)}`}`
}

/** `it ended with exit code 10 (Error): access denied: …` */
function describeEnd({ exitCode, reason, message = '' }: ContainerEnd): string {
  const cause = reason === undefined || reason === 'Error' ? '' : ` (${reason})`
  return joined(`it ended with exit code ${exitCode}${cause}`, singleLine(message))
}

function schedulingObstacles({ status }: ClusterPod): readonly PodObstacle[] {
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled')
  if (scheduled?.status !== 'False') return []
  const { reason = 'Unschedulable', message = '' } = scheduled
  return [{ reason, kind: 'scheduling', container: undefined, message: singleLine(message) }]
}

function podObstacles({ status }: ClusterPod): readonly PodObstacle[] {
  if (status?.phase !== 'Failed' || status.reason === undefined) return []
  const { reason, message = '' } = status
  return [{ reason, kind: 'pod', container: undefined, message: singleLine(message) }]
}

function containerObstacles(status: ContainerStatus, pod: ClusterPod, isInit: boolean): readonly PodObstacle[] {
  const container = describeContainer(status, pod, isInit)
  if (status.state?.waiting === undefined) return endObstacles(status, container)
  const obstacle = waitingObstacle(status)
  return obstacle === undefined ? [] : [{ ...obstacle, container }]
}

function describeContainer(
  { name, image = '', restartCount: restarts = 0, state, lastState }: ContainerStatus,
  { spec: { containers, initContainers = [] } }: ClusterPod,
  isInit: boolean,
): ObstructedContainer {
  const stated = [...initContainers, ...containers].find((container) => container.name === name)?.image
  const lastEnd = state?.terminated ?? lastState?.terminated
  return { name, isInit, image: stated ?? image, restarts, lastEnd }
}

/** Between two restarts a container runs, or has ended, without the kubelet calling it a crash loop. */
function endObstacles({ ready, state }: ContainerStatus, container: ObstructedContainer): readonly PodObstacle[] {
  const { lastEnd } = container
  const isOver = lastEnd === undefined || lastEnd.exitCode === 0
  if (isOver || (ready === true && state?.terminated === undefined)) return []
  return [{ reason: lastEnd.reason ?? 'Error', kind: 'crash', container, message: singleLine(lastEnd.message ?? '') }]
}

function kindOf(reason: string): WaitingObstacle['kind'] {
  if (imageReasons.includes(reason)) return 'image'
  return reason === 'CrashLoopBackOff' ? 'crash' : 'start'
}

function joined(head: string, message: string): string {
  return message === '' ? head : `${head}: ${message}`
}
