/** Finds the pods of an object, and the objects between: down from what a namespace holds, by owner references. */
import type { Cluster } from '../../../cluster/cluster.ts'
import { selectorText } from '../../../cluster/label-selector.ts'
import type { ClusterPod, KubernetesObject } from '../../../cluster/objects.ts'
import { apiVersionOf, resources, type Resource } from '../../../cluster/resources.ts'
import type { KindIndex } from '../../../cluster/kind-index.ts'
import { collect } from '../../../cluster/collect.ts'
import { lookup, valueOf } from '../../../diagnosis/lookup.ts'
import type { PodOwner } from './pod-owner.ts'

export interface OwnedObjects {
  /** Newest first, like the controllers. */
  readonly pods: readonly ClusterPod[]
  readonly controllers: readonly PodOwner[]
  /** The reasons why some could not be listed. */
  readonly unread: readonly string[]
}

/** Kinds that the controller of a kind makes of it, down to the pods. */
const madeOf: Readonly<Record<string, readonly Resource[]>> = {
  'apps/v1 Deployment': [resources.replicaSets],
  'apps/v1 ReplicaSet': [],
  'apps/v1 StatefulSet': [],
  'apps/v1 DaemonSet': [],
  'batch/v1 Job': [],
  'batch/v1 CronJob': [resources.jobs],
  'v1 ReplicationController': [],
}

/** Kinds of which operators usually make pods. */
const usualKinds: readonly Resource[] = [
  resources.deployments,
  resources.replicaSets,
  resources.statefulSets,
  resources.jobs,
]

/** A custom resource may be far above its pods: TrainJob, JobSet, Job, Pod. */
const mostKinds = 16

export async function readOwned(cluster: Cluster, owner: KubernetesObject, kinds: KindIndex): Promise<OwnedObjects> {
  const search = new Search(cluster, owner)
  const known = madeOf[`${owner.apiVersion} ${owner.kind}`]
  for (const kind of [resources.pods, ...(known ?? usualKinds)]) await search.list(kind)
  if (known === undefined) await followOwners(search, owner, kinds)
  return search.found()
}

/** Of an unknown kind nobody says of what it makes its pods: kinds of its own group, and those that owners lead to. */
async function followOwners(search: Search, owner: KubernetesObject, kinds: KindIndex): Promise<void> {
  const group = owner.apiVersion.includes('/') ? owner.apiVersion.slice(0, owner.apiVersion.indexOf('/')) : ''
  const siblings = valueOf(await lookup(() => kinds.inGroup(group))) ?? []
  for (const kind of siblings.filter(isBetween(owner)).slice(0, mostKinds)) await search.list(kind, false)
  for (let turn = 0; turn < mostKinds; turn++) {
    const [next] = search.unknownOwners()
    if (next === undefined) return
    const kind = valueOf(await lookup(() => kinds.find(next.apiVersion, next.kind)))
    if (kind?.namespaced === true) await search.list(kind)
    search.visited(next)
  }
}

function isBetween(owner: KubernetesObject): (kind: Resource) => boolean {
  return ({ kind, namespaced }) => namespaced && kind !== owner.kind
}

interface OwnerKind {
  readonly apiVersion: string
  readonly kind: string
}

class Search {
  private readonly seen = new Map<string, KubernetesObject>()
  private readonly kinds = new Set<string>()
  private readonly unread: string[] = []
  private readonly cluster: Cluster
  private readonly owner: KubernetesObject

  constructor(cluster: Cluster, owner: KubernetesObject) {
    this.cluster = cluster
    this.owner = owner
    this.visited(owner)
  }

  visited({ apiVersion, kind }: OwnerKind): void {
    this.kinds.add(`${apiVersion} ${kind}`)
  }

  async list(kind: Resource, isNeeded = true): Promise<void> {
    const type = { apiVersion: apiVersionOf(kind), kind: kind.kind }
    if (this.kinds.has(`${type.apiVersion} ${type.kind}`)) return
    this.visited(type)
    const { namespace } = this.owner.metadata
    const labelSelector = selectorOf(this.owner)
    const options = { namespace, ...(labelSelector !== undefined && { labelSelector }) }
    const listed = await lookup(() => collect(this.cluster.list(kind, options)))
    if (listed.state === 'unknown' && isNeeded) this.unread.push(listed.why)
    for (const object of valueOf(listed) ?? []) this.seen.set(object.metadata.uid ?? '', object)
  }

  /** Kinds of owners that were not listed. */
  unknownOwners(): readonly OwnerKind[] {
    return [...this.seen.values()]
      .flatMap(({ metadata: { ownerReferences = [] } }) => ownerReferences)
      .filter(({ apiVersion, kind }) => !this.kinds.has(`${apiVersion} ${kind}`))
  }

  found(): OwnedObjects {
    const owned = [...this.seen.values()].filter((object) => this.isOwned(object)).toSorted(newestFirst)
    return {
      pods: owned.filter(isPod),
      controllers: owned.filter(({ kind }) => kind !== 'Pod'),
      unread: this.unread,
    }
  }

  /** A pod may own what owns pods: the leader of a LeaderWorkerSet owns the StatefulSet of its workers. */
  private isOwned({ metadata }: KubernetesObject, way: readonly string[] = []): boolean {
    return (metadata.ownerReferences ?? []).some(({ uid = '' }) => {
      if (uid === this.owner.metadata.uid) return true
      const between = way.includes(uid) ? undefined : this.seen.get(uid)
      return between !== undefined && this.isOwned(between, [...way, uid])
    })
  }
}

function isPod(object: KubernetesObject): object is ClusterPod {
  return object.kind === 'Pod'
}

/** Pods, and the ReplicaSets of a Deployment, have the labels that it selects. Others may mean something else by the field. */
function selectorOf(owner: PodOwner): string | undefined {
  const type = `${owner.apiVersion} ${owner.kind}`
  const selector = owner.spec?.selector
  const isKnown = (type in madeOf && owner.kind !== 'ReplicationController') || owner.kind === 'Rollout'
  return isKnown && selector !== undefined ? selectorText(selector) : undefined
}

function newestFirst({ metadata: a }: KubernetesObject, { metadata: b }: KubernetesObject): number {
  const [first, second] = [a.creationTimestamp ?? '', b.creationTimestamp ?? '']
  return first < second ? 1 : first > second ? -1 : 0
}
