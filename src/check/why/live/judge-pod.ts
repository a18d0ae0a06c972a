/** Judges a live pod, from what its status and its events say. Pure: what was read comes in, findings go out. */
import type { ClusterContainer, ClusterEvent, ClusterPod } from '../../../cluster/objects.ts'
import type { ContainerStatus } from '../../../cluster/pod-status.ts'
import { withCommands } from '../../../diagnosis/finding.ts'
import { containerLogs } from '../../../diagnosis/kubectl-commands.ts'
import type { Lookup } from '../../../diagnosis/lookup.ts'
import { carriesInjection } from '../../../inject/ownership/detect-injection.ts'
import { readStatus } from '../../../inject/read-status.ts'
import { isLoaderName } from '../../../pod/injected-names.ts'
import { readPod } from '../../../pod/read-pod.ts'
import { waitingObstacle, type WaitingObstacle } from '../../pod-waiting.ts'
import {
  describeEnd,
  describeObstruction,
  describeRestarts,
  describeRuns,
  hasStarted,
  lastEndOf,
  shownMessage,
  nameEnd,
  obstructionOf,
} from './container-end.ts'
import { describePod, judgeLoader } from './judge-loader.ts'
import { judgeNode, judgeScheduling, sentenceOf, type StartingPod } from './judge-start.ts'
import { error, ok, unchecked, warning } from './live-checks.ts'
import { decisiveOf, type Aspect, type LiveFinding, type PodState } from './live-state.ts'
import { noticesOf, type Notice } from './pod-events.ts'

interface SeenPod {
  readonly pod: ClusterPod
  /** Undefined for a pod that is well, whose events were not read. */
  readonly events: Lookup<readonly ClusterEvent[]> | undefined
}

export function judgePod({ pod, events }: SeenPod, prefix: string): PodState {
  const notices = events?.state === 'found' ? noticesOf(events.value) : []
  const aspects = [...judgeEnd(pod), ...judgeProgress({ pod, notices, deliveries: deliveriesOf(pod, prefix) })]
  const findings = [
    ...aspects.map(({ finding }) => finding),
    ...otherWarnings(pod, notices),
    ...(events?.state === 'unknown' ? [unchecked('pod-events', events.why)] : []),
  ]
  const { health, brief } = decisiveOf(aspects) ?? { health: 'starting', brief: 'it is being created' }
  const isUncertain = events?.state === 'unknown' && health !== 'wrong'
  return { injected: carriesInjection(pod, prefix), health: isUncertain ? 'unknown' : health, brief, findings }
}

/** False for a pod about which its events say nothing that its status does not. */
export function needsEvents({ status: pod = {} }: ClusterPod): boolean {
  const { phase, conditions = [], initContainerStatuses = [] } = pod
  const isReady = conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
  if (phase === 'Succeeded' || (phase === 'Running' && isReady)) return false
  return !initContainerStatuses.some(({ name, state }) => isLoaderName(name) && state?.running !== undefined)
}

function deliveriesOf(pod: ClusterPod, prefix: string): readonly string[] {
  const read = readPod(pod)
  const models = read.ok ? (readStatus(read.pod, prefix)?.models ?? []) : []
  return [...new Set(models.map(({ delivery }) => delivery))]
}

function judgeEnd({ metadata, status = {} }: ClusterPod): readonly Aspect[] {
  const { phase, reason, message } = status
  if (phase === 'Failed' && reason !== undefined) {
    const text = shownMessage(message)
    const what = `${reason}${text === undefined ? '' : `: ${text}`}`
    const isOfDisk = /ephemeral|emptydir|disk/i.test(text ?? '')
    const remedy = isOfDisk ? 'raise size, or what the containers of the app request of ephemeral-storage' : undefined
    return [{ health: 'wrong', brief: `it was ended: ${reason}`, finding: error('pod-ended', what, remedy) }]
  }
  if (metadata.deletionTimestamp === undefined) return []
  const finding = ok('pod-ended', `it is being deleted, since ${metadata.deletionTimestamp}`)
  return [{ health: 'starting', brief: 'it is being deleted', finding }]
}

function judgeProgress(starting: StartingPod): readonly Aspect[] {
  const { pod } = starting
  const scheduling = judgeScheduling(starting)
  if (scheduling !== undefined && pod.status?.phase !== 'Failed') return [scheduling]
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {}
  const before = [...initContainerStatuses, ...containerStatuses].some(hasStarted) ? [] : judgeNode(starting)
  return [...before, ...judgeInitContainers(starting), ...judgeApp(pod)]
}

/** A sidecar of a pod that has done its work may end with any code. */
function judgeInitContainers({ pod, notices }: StartingPod): readonly Aspect[] {
  const words = {
    id: 'pod-init',
    brief: 'an init container fails',
    cannot: 'an init container cannot start',
  } as const
  return (pod.spec.initContainers ?? []).flatMap(({ name }) => {
    const status = pod.status?.initContainerStatuses?.find((one) => one.name === name)
    if (isLoaderName(name)) return [judgeLoader({ pod, loader: name, status, notices })]
    return pod.status?.phase === 'Succeeded' ? [] : judgeContainer(pod, status, words)
  })
}

interface Words {
  readonly id: 'pod-init' | 'pod-app'
  readonly brief: string
  readonly cannot: string
}

/** The fault of a container that is not ours. */
function judgeContainer(pod: ClusterPod, status: ContainerStatus | undefined, words: Words): readonly Aspect[] {
  if (status === undefined) return []
  const obstacle = obstructionOf(status)
  if (obstacle !== undefined) return [describeObstructed(pod, status, obstacle, words)]
  const isCrashing = status.state?.terminated !== undefined || waitingObstacle(status) !== undefined
  const end = isCrashing ? lastEndOf(status) : undefined
  if (end === undefined || end.exitCode === 0) return []
  const name = nameEnd(end)
  const { name: container } = status
  const { namespace = 'default' } = pod.metadata
  const finding = error(
    words.id,
    `${container}: ${describeRuns(status)} with ${describeEnd(end, name, shownMessage(end.message))}`,
  )
  const logs = containerLogs({ name: pod.metadata.name, namespace, container, previous: false })
  return [{ health: 'wrong', brief: `${words.brief}: ${name}`, finding: withCommands(finding, logs) }]
}

function describeObstructed(pod: ClusterPod, status: ContainerStatus, obstacle: WaitingObstacle, words: Words): Aspect {
  const finding = error(
    words.id,
    `${status.name}: ${describeObstruction(obstacle, status)}`,
    obstacle.kind === 'image'
      ? 'correct the image of the container, or give the pod the pull secret of its registry'
      : 'create or correct what the message names',
  )
  return {
    health: 'wrong',
    brief: `${words.cannot}: ${obstacle.reason}`,
    finding: withCommands(finding, describePod(pod)),
  }
}

function judgeApp(pod: ClusterPod): readonly Aspect[] {
  const { phase, containerStatuses = [] } = pod.status ?? {}
  if (phase === 'Succeeded') {
    return [{ health: 'good', brief: 'its app has ended well', finding: ok('pod-app', 'all containers ended with 0') }]
  }
  const words = { id: 'pod-app', brief: 'its app fails', cannot: 'its app cannot start' } as const
  const wrong = containerStatuses.flatMap((status) => judgeContainer(pod, status, words))
  if (wrong.length > 0 || phase !== 'Running') return wrong
  return [describeApp(pod.spec.containers, containerStatuses)]
}

/** The container of a loader that has ended well needs no word of its own in the clause: the app could not run otherwise. */
function describeApp(containers: readonly ClusterContainer[], statuses: readonly ContainerStatus[]): Aspect {
  const restarted = statuses
    .filter(({ restartCount = 0 }) => restartCount > 0)
    .map((status) => `${status.name} runs${describeRestarts(status)}`)
  const waiting = statuses.filter(({ ready }) => ready !== true).map(({ name }) => name)
  const rest = restarted.length === 0 ? '' : ` (${restarted.join(', ')})`
  return waiting.length === 0
    ? {
        health: 'good',
        brief: 'its app is ready',
        finding: ok('pod-app', `${containers.map(({ name }) => name).join(', ')}: ready${rest}`),
      }
    : {
        health: 'starting',
        brief: 'its app is not ready yet',
        finding: ok('pod-app', `${waiting.join(', ')}: not ready yet${rest}`),
      }
}

/** Reasons that are reported as what they led to. */
const explained = /^Failed(?:Scheduling|Attach|Mount|Map|CreatePodSandBox)|^BackOff$|^Failed$|^Evicted$/

const mostWarnings = 5

function otherWarnings(pod: ClusterPod, notices: readonly Notice[]): readonly LiveFinding[] {
  const others = notices.filter(({ isWarning, reason }) => isWarning && !explained.test(reason))
  const [first, ...rest] = others.slice(0, mostWarnings).map(sentenceOf)
  if (first === undefined) return []
  const more = others.length > mostWarnings ? [`and ${others.length - mostWarnings} more`] : []
  return [{ ...withCommands(warning('pod-events', first), describePod(pod)), details: [...rest, ...more] }]
}
