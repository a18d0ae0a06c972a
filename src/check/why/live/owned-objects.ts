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
  'v1 PodTemplate': [],
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

/** `namespace`: of the pods of an object that is in none. */
export async function readOwned(
  cluster: Cluster,
  owner: KubernetesObject,
  { kinds, namespace }: { readonly kinds: KindIndex; readonly namespace: string },
): Promise<OwnedObjects> {
  const search = new Search(cluster, owner, namespace)
  const known = madeOf[`${owner.apiVersion} ${owner.kind}`]
  for (const kind of [resources.pods, ...(known ?? usualKinds)]) await search.list(kind)
  if (known !== undefined) return search.found()
  await followOwners(search, kinds)
  if (search.found().pods.length > 0) return search.found()
  await listSiblings(search, owner, kinds)
  await followOwners(search, kinds)
  return search.found()
}

/** Lists the kinds that the owners of what was found are of. */
async function followOwners(search: Search, kinds: KindIndex): Promise<void> {
  for (let turn = 0; turn < mostKinds; turn++) {
    const [next] = search.unknownOwners()
    if (next === undefined) return
    const kind = valueOf(await lookup(() => kinds.find(next.apiVersion, next.kind)))
    if (kind?.namespaced === true) await search.list(kind, 'perhaps')
    search.visited(next)
  }
}

/** An object without pods may have made something of its own group that could not make them: RayService, RayCluster. */
async function listSiblings(search: Search, owner: KubernetesObject, kinds: KindIndex): Promise<void> {
  const [group = '', version] = owner.apiVersion.split('/')
  if (version === undefined) return
  const siblings = valueOf(await lookup(() => kinds.inGroup(group))) ?? []
  for (const kind of siblings.filter(({ namespaced }) => namespaced).slice(0, mostKinds)) {
    await search.list(kind, 'perhaps')
  }
}

interface OwnerKind {
  readonly apiVersion: string
  readonly kind: string
}

class Search {
  private readonly seen = new Map<string, KubernetesObject>()
  private readonly kinds = new Set<string>()
  private readonly unread: { readonly isNeeded: 'surely' | 'perhaps'; readonly why: string }[] = []
  private readonly cluster: Cluster
  private readonly owner: KubernetesObject
  private readonly namespace: string

  constructor(cluster: Cluster, owner: KubernetesObject, namespace: string) {
    this.cluster = cluster
    this.owner = owner
    this.namespace = owner.metadata.namespace ?? namespace
    this.visited(owner)
  }

  visited({ apiVersion, kind }: OwnerKind): void {
    this.kinds.add(`${apiVersion} ${kind}`)
  }

  /** `perhaps`: the kind may be that of owners of others, and counts as unread only where no pod is found. */
  async list(kind: Resource, isNeeded: 'surely' | 'perhaps' = 'surely'): Promise<void> {
    const type = { apiVersion: apiVersionOf(kind), kind: kind.kind }
    if (this.kinds.has(`${type.apiVersion} ${type.kind}`)) return
    this.visited(type)
    const { namespace } = this
    const labelSelector = selectorOf(this.owner)
    const options = { namespace, ...(labelSelector !== undefined && { labelSelector }) }
    const listed = await lookup(() => collect(this.cluster.list(kind, options)))
    if (listed.state === 'unknown') this.unread.push({ isNeeded, why: listed.why })
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
    const pods = owned.filter(isPod)
    const unread = this.unread.filter(({ isNeeded }) => isNeeded === 'surely' || pods.length === 0)
    return {
      pods,
      controllers: owned.filter(({ kind }) => kind !== 'Pod'),
      unread: unread.map(({ why }) => why),
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

/**
 * Pods, and the ReplicaSets of a Deployment, have the labels that it selects. Others may mean something else by the
 * field.
 */
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
