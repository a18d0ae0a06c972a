/** Judges an object that owns pods: pods that could not be made, groups of equal pods, and the worst of them. Pure. */
import type { ClusterEvent, ClusterPod } from '../../../cluster/objects.ts'
import { withCommands } from '../../../diagnosis/finding.ts'
import { describeObject } from '../../../diagnosis/kubectl-commands.ts'
import type { Lookup } from '../../../diagnosis/lookup.ts'
import { skipReasonOf } from '../../../request/skip-reason.ts'
import { enumerate, singleLine } from '../../../values/print/printable.ts'
import { unique } from '../../../values/unique.ts'
import { error, ok, unchecked } from './live-checks.ts'
import {
  compareHealth,
  type Health,
  type LiveFinding,
  type LiveObjectState,
  type PodGroup,
  type PodState,
} from './live-state.ts'
import { shownMessage } from './container-end.ts'
import { describeTimes, noticesOf } from './pod-events.ts'
import { conditionOf, givenUp, idleReason, missingPods, type PodOwner } from './pod-owner.ts'
import { readRefusal } from './refusal.ts'

export interface OwnedPod {
  readonly pod: ClusterPod
  readonly state: PodState
}

/** A controller that lacks pods, or an object that has none, with its events. */
export interface ShortController {
  readonly controller: PodOwner
  readonly events: Lookup<readonly ClusterEvent[]>
}

export interface SeenWorkload {
  readonly owner: PodOwner
  /** Newest first. */
  readonly pods: readonly OwnedPod[]
  readonly controllers: readonly PodOwner[]
  readonly short: readonly ShortController[]
  readonly unread: readonly string[]
}

/** `prefix`: that of the annotations. `expectsModel`: the only pod template of the object asks for a model. */
export interface ExpectedModel {
  readonly prefix: string
  readonly expectsModel: boolean
}

export function judgeWorkload(seen: SeenWorkload, request: ExpectedModel): LiveObjectState {
  const pods = seen.pods
    .map((judged) => withInjection(judged, request))
    .toSorted((a, b) => compareHealth(a.state, b.state))
  const groups = groupsOf(pods)
  const [shown] = pods
  const refusals = unique(seen.short.flatMap(refusalsOf), ({ brief }) => brief).slice(0, mostRefusals)
  const uncertain = [
    ...seen.unread.map((why) => unchecked('workload-owned', why)),
    ...seen.short.flatMap(({ events }) => (events.state === 'unknown' ? [unchecked('workload-pods', events.why)] : [])),
  ].slice(0, mostRefusals)
  const progress = progressOf(seen)
  const findings = [
    ...refusals.map(({ finding }) => finding),
    ...progress,
    ...(refusals.length === 0 ? [describeCount(seen)] : []),
    ...uncertain,
    ...(shown?.state.findings ?? []),
  ]
  const isUncertain = uncertain.length > 0
  const [refusal] = refusals
  return {
    health: healthOf(shown?.state.health, { isWrong: refusals.length + progress.length > 0, isUncertain, seen }),
    what: sumUp(seen, groups, refusal?.brief),
    pods: { count: pods.length, groups, shown: shown?.pod.metadata.name },
    findings,
  }
}

const mostRefusals = 3

function healthOf(
  pods: Health | undefined,
  { isWrong, isUncertain, seen }: { isWrong: boolean; isUncertain: boolean; seen: SeenWorkload },
): Health {
  if (isWrong || pods === 'wrong') return 'wrong'
  if (isUncertain) return 'unknown'
  if (pods === undefined) return idleReason(seen.owner) === undefined ? 'starting' : 'good'
  return pods === 'good' && missingOf(seen) > 0 ? 'starting' : pods
}

function missingOf({ owner, controllers }: SeenWorkload): number {
  return Math.max(
    missingPods(owner),
    controllers.reduce((sum, controller) => sum + missingPods(controller), 0),
  )
}

function sumUp(seen: SeenWorkload, groups: readonly PodGroup[], refusal: string | undefined): string {
  const { owner, pods } = seen
  const missing = missingOf(seen)
  const [first] = groups
  if (first === undefined) return `no pods: ${refusal ?? idleReason(owner) ?? 'its controller has made none yet'}`
  if (refusal !== undefined) return `${missing} of ${missing + pods.length} pods are missing: ${refusal}`
  return `${first.count} of ${pods.length} pods: ${first.what}`
}

function describeCount(seen: SeenWorkload): LiveFinding {
  const { owner, pods } = seen
  const missing = missingOf(seen)
  if (pods.length === 0) {
    return ok('workload-pods', `it has none: ${idleReason(owner) ?? 'its controller has made none yet'}`)
  }
  const total = pods.length + missing
  return ok('workload-pods', missing === 0 ? `all ${total} are there` : `${pods.length} of ${total} are there`)
}

function withInjection(judged: OwnedPod, { prefix, expectsModel }: ExpectedModel): OwnedPod {
  const { pod, state } = judged
  const reason = skipReasonOf(pod, prefix)
  const isExpected = reason === undefined || (expectsModel && reason === 'NotAnnotated')
  if (state.injected || !isExpected) return judged
  const what = `${pod.metadata.name}: ${reason === undefined ? 'its annotations ask' : 'its template asks'} for a model, and it has none`
  const findings = [error('pod-injected', what), ...state.findings]
  return { pod, state: { ...state, health: 'wrong', brief: 'without its model', findings } }
}

const mostNames = 5

function groupsOf(pods: readonly OwnedPod[]): readonly PodGroup[] {
  const same = Map.groupBy(pods, ({ state }) => JSON.stringify([state.health, state.injected, state.brief]))
  return [...same.values()].flatMap((group) =>
    group.slice(0, 1).map(({ state: { health, injected, brief } }) => ({
      count: group.length,
      health,
      injected,
      what: injected ? `injected, and ${brief}` : brief === 'without its model' ? brief : `not injected, and ${brief}`,
      names: group.slice(0, mostNames).map(({ pod }) => pod.metadata.name),
    })),
  )
}

function progressOf({ owner, controllers }: SeenWorkload): readonly LiveFinding[] {
  return [owner, ...controllers].flatMap((object) => {
    const condition = givenUp(object)
    if (condition === undefined) return []
    const what = [condition.reason ?? condition.type, shownMessage(condition.message) ?? ''].filter(
      (text) => text !== '',
    )
    return [withCommands(error('workload-progress', `${titleOf(object)}: ${what.join(': ')}`), describeOwner(object))]
  })
}

interface FoundRefusal {
  readonly brief: string
  readonly finding: LiveFinding
}

/** The event has the time and the count; the condition stays when the event is gone after an hour. */
function refusalsOf({ controller, events }: ShortController): readonly FoundRefusal[] {
  const notices = events.state === 'found' ? noticesOf(events.value).filter(({ isWarning }) => isWarning) : []
  const notice =
    notices.find(({ reason }) => reason.startsWith('FailedCreate')) ??
    notices.find(({ message }) => /denied|forbidden|failed calling/.test(message)) ??
    notices[0]
  const condition = conditionOf(controller, 'ReplicaFailure')
  if (notice !== undefined) {
    return [describeRefused(controller, `${notice.reason}${describeTimes(notice)}`, notice.message)]
  }
  if (condition?.message === undefined) return []
  return [describeRefused(controller, condition.reason ?? 'ReplicaFailure', condition.message)]
}

const mostLines = 20

function describeRefused(controller: PodOwner, what: string, message: string): FoundRefusal {
  const { brief, remedy, commands } = readRefusal(message)
  const [first = '', ...rest] = message
    .split('\n')
    .map(singleLine)
    .filter((line) => line !== '')
  const finding = error('workload-pods', `${titleOf(controller)}: ${what}: ${first}`, remedy)
  return {
    brief,
    finding: {
      ...withCommands(finding, ...commands, describeOwner(controller)),
      ...(rest.length > 0 && { details: rest.slice(0, mostLines) }),
    },
  }
}

function titleOf({ kind, metadata: { name } }: PodOwner): string {
  return enumerate([`${kind.toLowerCase()}/${name}`])
}

function describeOwner({ kind, metadata: { name, namespace } }: PodOwner): string {
  return describeObject({ kind: kind.toLowerCase(), name, namespace })
}
