/** Reads what the state of an object that owns pods is judged from. */
import type { Cluster } from '../../../cluster/cluster.ts'
import type { ClusterPod, KubernetesObject } from '../../../cluster/objects.ts'
import type { KindIndex } from '../../../cluster/kind-index.ts'
import { carriesInjection } from '../../../inject/ownership/detect-injection.ts'
import { skipReasonOf } from '../../../request/skip-reason.ts'
import { judgePod, needsEvents } from './judge-pod.ts'
import { judgeWorkload, type OwnedPod, type ExpectedModel, type ShortController } from './judge-workload.ts'
import type { LiveObjectState } from './live-state.ts'
import { readOwned, type OwnedObjects } from './owned-objects.ts'
import { missingPods, type PodOwner } from './pod-owner.ts'
import { readEvents } from './read-live.ts'

interface LiveWorkload {
  readonly state: LiveObjectState
  /** The pod that the state shows. */
  readonly shown: ClusterPod | undefined
}

export async function readWorkload(
  cluster: Cluster,
  owner: KubernetesObject,
  request: ExpectedModel,
  search: { readonly kinds: KindIndex; readonly namespace: string },
): Promise<LiveWorkload> {
  const owned = newestRun(owner, await readOwned(cluster, owner, search))
  const current = withoutReplaced(owned.pods)
  const pods = await judgePods(cluster, current.filter(isConcerned(current, request)), request.prefix)
  const short = await readShort(cluster, owner, owned)
  const state = judgeWorkload({ owner, pods, controllers: owned.controllers, short, unread: owned.unread }, request)
  return { state, shown: current.find(({ metadata }) => metadata.name === state.pods?.shown) }
}

/** The Jobs of earlier runs say nothing of the one now. */
function newestRun({ kind }: KubernetesObject, owned: OwnedObjects): OwnedObjects {
  if (kind !== 'CronJob') return owned
  const controllers = owned.controllers.slice(0, 1)
  const uids = controllers.map(({ metadata }) => metadata.uid)
  return { ...owned, controllers, pods: owned.pods.filter((pod) => ownerUids(pod).some((uid) => uids.includes(uid))) }
}

function ownerUids({ metadata: { ownerReferences = [] } }: KubernetesObject): readonly (string | undefined)[] {
  return ownerReferences.map(({ uid }) => uid)
}

const completionIndex = 'batch.kubernetes.io/job-completion-index'

/**
 * A failed pod that its controller has replaced is history: a Job tries again, and evicted pods stay until they are
 * collected.
 */
function withoutReplaced(pods: readonly ClusterPod[]): readonly ClusterPod[] {
  const newest = new Map<string, string>()
  const slotOf = (pod: ClusterPod): string =>
    JSON.stringify([ownerUids(pod), pod.metadata.annotations?.[completionIndex] ?? ''])
  for (const pod of pods.toReversed()) newest.set(slotOf(pod), pod.metadata.creationTimestamp ?? '')
  return pods.filter(
    (pod) =>
      pod.status?.phase !== 'Failed' || (newest.get(slotOf(pod)) ?? '') <= (pod.metadata.creationTimestamp ?? ''),
  )
}

/** If some of several kinds of pods ask for a model, the others need none: the head of a cluster beside its workers. */
function isConcerned(
  pods: readonly ClusterPod[],
  { prefix, expectsModel }: ExpectedModel,
): (pod: ClusterPod) => boolean {
  const asks = (pod: ClusterPod): boolean => skipReasonOf(pod, prefix) === undefined || carriesInjection(pod, prefix)
  return expectsModel || !pods.some(asks) ? () => true : asks
}

/** Each costs a request. */
const mostPodsWithEvents = 20

async function judgePods(cluster: Cluster, pods: readonly ClusterPod[], prefix: string): Promise<readonly OwnedPod[]> {
  const unclear = new Set(pods.filter(needsEvents).slice(0, mostPodsWithEvents))
  return Promise.all(
    pods.map(async (pod) => ({
      pod,
      state: judgePod({ pod, events: unclear.has(pod) ? await readEvents(cluster, pod) : undefined }, prefix),
    })),
  )
}

const mostShortControllers = 5

async function readShort(
  cluster: Cluster,
  owner: PodOwner,
  { pods, controllers }: OwnedObjects,
): Promise<readonly ShortController[]> {
  const all = [...controllers, owner]
  const lacking = all.filter((controller) => missingPods(controller) > 0)
  // The numbers of a custom resource are not known, and its own events may say why it has no pods.
  const silent = pods.length === 0 && lacking.length === 0 ? all.filter(hasNoNumbers) : []
  return Promise.all(
    [...lacking, ...silent]
      .slice(0, mostShortControllers)
      .map(async (controller) => ({ controller, events: await readEvents(cluster, controller) })),
  )
}

function hasNoNumbers({ kind, spec = {} }: PodOwner): boolean {
  return spec.replicas !== 0 && spec.suspend !== true && !['ReplicaSet', 'Deployment', 'Job', 'CronJob'].includes(kind)
}
