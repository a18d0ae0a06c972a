/** Judges what comes before the first container of a pod: node, sandbox, volumes. */
import type { ClusterPod } from '../../../cluster/objects.ts'
import type { Condition } from '../../../cluster/pod-status.ts'
import { withCommands } from '../../../diagnosis/finding.ts'
import { quoteWord } from '../../../values/shell.ts'
import { shownMessage } from './container-end.ts'
import { describePod } from './judge-loader.ts'
import { error, ok } from './live-checks.ts'
import type { Aspect } from './live-state.ts'
import { describeTimes, type Notice } from './pod-events.ts'

export interface StartingPod {
  readonly pod: ClusterPod
  readonly deliveries: readonly string[]
  readonly notices: readonly Notice[]
}

/** Undefined for a pod that is on a node. */
export function judgeScheduling(starting: StartingPod): Aspect | undefined {
  const { pod } = starting
  if (typeof pod.spec.nodeName === 'string') return undefined
  const condition = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled')
  if (condition?.status === 'True') return undefined
  if (condition?.status !== 'False') return describeUnseen(pod)
  return condition.reason === 'SchedulingGated' ? describeGates(starting) : describeRefusal(starting, condition)
}

function describeUnseen({ spec: { schedulerName } }: ClusterPod): Aspect {
  const name = typeof schedulerName === 'string' ? schedulerName : 'default-scheduler'
  const what = `no scheduler has looked at it yet (schedulerName ${name})`
  return { health: 'starting', brief: 'it waits for a scheduler', finding: ok('pod-scheduled', what) }
}

function describeRefusal(starting: StartingPod, { reason = 'Unschedulable', message }: Condition): Aspect {
  const { pod, notices } = starting
  const text = shownMessage(message) ?? reason
  const [autoscaled] = notices.filter(isOfAutoscaler)
  if (autoscaled !== undefined && nodeComes.includes(autoscaled.reason)) {
    const what = `${reason}: ${text}; an autoscaler makes a node for it: ${sentenceOf(autoscaled)}`
    return { health: 'starting', brief: 'a node is being made for it', finding: ok('pod-scheduled', what) }
  }
  const { brief, remedy } = obstacles.find(({ pattern }) => pattern.test(text)) ?? otherObstacle
  const finding = error('pod-scheduled', `${reason}: ${text}`, remedy)
  return {
    health: 'wrong',
    brief,
    finding: {
      ...withCommands(finding, describePod(pod), ...checksFor(starting)),
      ...(autoscaled !== undefined && { details: [sentenceOf(autoscaled)] }),
    },
  }
}

/** Events of cluster-autoscaler and of Karpenter. */
const nodeComes: readonly string[] = ['TriggeredScaleUp', 'Nominated']

/** Karpenter writes FailedScheduling as the scheduler does, which says the same as the condition. */
function isOfAutoscaler({ reason, message }: Notice): boolean {
  return (
    nodeComes.includes(reason) ||
    reason === 'NotTriggerScaleUp' ||
    (reason === 'FailedScheduling' && /nodepool|nodeclaim/i.test(message))
  )
}

/** Words of the scheduler's message; the first that fits is what to change first. */
const obstacles = [
  {
    pattern: /ephemeral-storage/,
    brief: 'no node has room for it: ephemeral-storage',
    remedy:
      'the model is written to the disk of the node: lower size, use nodes with larger disks, or choose another volume; an autoscaler that starts at zero has to know the disk of its nodes',
  },
  {
    pattern: /persistentvolumeclaim/i,
    brief: 'no node can take it: its claim is not bound',
    remedy: 'see why the claim is not there or not bound: kubectl describe pvc',
  },
  {
    pattern: /Insufficient [\w./-]+/,
    brief: 'no node has room for it',
    remedy: 'add nodes, or lower the requests of the pod; those of the loader are the annotations cpu and memory',
  },
  {
    pattern: /untolerated taint|had taint/,
    brief: 'no node can take it: taints',
    remedy: 'let the pod tolerate the taints of its nodes',
  },
  {
    pattern: /node affinity|node selector/i,
    brief: 'no node can take it: no node has the labels',
    remedy: 'use nodes with these labels; a pod with a node:// source wants nodes that say that they have the model',
  },
] as const

const otherObstacle = { brief: 'no node can take it', remedy: undefined }

function describeGates(starting: StartingPod): Aspect {
  const { pod } = starting
  const gates = Array.isArray(pod.spec.schedulingGates)
    ? (pod.spec.schedulingGates as readonly { name?: string }[])
    : []
  const names = gates.map(({ name = '' }) => name).join(', ')
  const finding = error(
    'pod-scheduled',
    `SchedulingGated: no scheduler looks at it before its gates are gone: ${names}`,
    'the controller that each gate names takes it away: see that it runs',
  )
  return {
    health: 'wrong',
    brief: 'it waits for its scheduling gates',
    finding: withCommands(finding, ...checksFor(starting)),
  }
}

/** For a pod on a node, before any of its containers has started. */
export function judgeNode(starting: StartingPod): readonly Aspect[] {
  const { notices } = starting
  const volumes = notices.find(({ reason }) => /^Failed(?:Attach|Mount|Map)/.test(reason))
  const sandbox = notices.find(({ reason }) => reason === 'FailedCreatePodSandBox')
  return [
    ...(sandbox === undefined ? [] : [describeSandbox(sandbox)]),
    ...(volumes === undefined ? [] : [describeVolumes(volumes, starting)]),
  ]
}

function describeSandbox(notice: Notice): Aspect {
  const finding = error('pod-sandbox', sentenceOf(notice))
  return { health: 'wrong', brief: 'its sandbox cannot be made', finding }
}

function describeVolumes(notice: Notice, starting: StartingPod): Aspect {
  const finding = error('pod-volumes', sentenceOf(notice), remedyFor(notice.message))
  return {
    health: 'wrong',
    brief: `its volumes cannot be mounted: ${notice.reason}`,
    finding: withCommands(finding, describePod(starting.pod), ...checksFor(starting)),
  }
}

function remedyFor(message: string): string | undefined {
  if (message.includes('hostPath type check failed')) {
    return 'this node does not have the model at that path: bake it into the image of the node'
  }
  return message.includes('Multi-Attach')
    ? 'the volume is mounted on another node: it has to be ReadOnlyMany or ReadWriteMany'
    : undefined
}

export function sentenceOf(notice: Notice): string {
  return `${notice.reason}${describeTimes(notice)}: ${shownMessage(notice.message) ?? 'without a message'}`
}

/** The deliveries whose companion objects `check --delivery` knows. */
const checkedDeliveries: readonly string[] = ['claim', 'mountpoint', 'node', 'image']

function checksFor({ pod, deliveries }: StartingPod): readonly string[] {
  const { namespace = 'default' } = pod.metadata
  return deliveries
    .filter((delivery) => checkedDeliveries.includes(delivery))
    .map((delivery) => `model-injector check --delivery ${delivery} ${quoteWord(namespace)}`)
}
