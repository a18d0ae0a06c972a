/** Explains an object of the cluster: the state of its pods first, then admission. */
import type { Explanation } from '../../check/why/explain.ts'
import type { LiveObjectState } from '../../check/why/live/live-state.ts'
import { readLivePod } from '../../check/why/live/read-live.ts'
import { readWorkload } from '../../check/why/live/read-workload.ts'
import { ownersOf } from '../../check/why/owners.ts'
import type { ClusterFacts } from '../../check/why/surroundings.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import type { ClusterPod, KubernetesObject } from '../../cluster/objects.ts'
import type { KindIndex } from '../../cluster/kind-index.ts'
import type { Config } from '../../config/config.ts'
import { skipReasonOf } from '../../request/skip-reason.ts'
import { printable } from '../../values/print/printable.ts'
import { misplacedAnnotations } from '../judge.ts'
import { podsIn, type FoundPod } from '../manifests/pods.ts'
import { objectsOf } from '../manifests/workloads.ts'
import { askedFor, explainFound, type AdmissionSources } from './explain-found.ts'

export async function explainLive(
  cluster: Cluster,
  object: KubernetesObject,
  { facts, server }: Omit<AdmissionSources, 'cluster'>,
  search: { readonly kinds: KindIndex; readonly namespace: string },
): Promise<readonly Explanation[]> {
  const sources = { facts, cluster, server }
  if (object.kind === 'Pod' && object.apiVersion === 'v1') return [await explainLivePod(object as ClusterPod, sources)]
  const { config } = facts.configuration
  const namespace = object.metadata.namespace ?? search.namespace
  const templates = objectsOf(object).flatMap((of) => podsIn(of, config))
  const asking = askedFor(templates, config)
  const request = { prefix: config.annotationPrefix, expectsModel: expectsModel(templates, config) }
  const { state, shown } = await readWorkload(cluster, object, request, search)
  const known = asking.filter(({ unknown }) => unknown === undefined)
  if (known.length === 0 && shown !== undefined) return [await explainByPod(object, shown, state, sources)]
  const explanations: Explanation[] = []
  for (const found of asking) explanations.push(await explainFound(found, templates, { asked: sources, namespace }))
  const [first, ...rest] = explanations
  return first === undefined ? [explainWithoutPods(object, namespace, state)] : [{ ...first, state }, ...rest]
}

async function explainLivePod(
  live: ClusterPod,
  sources: AdmissionSources & { readonly cluster: Cluster },
): Promise<Explanation> {
  const { cluster, facts } = sources
  const { config } = facts.configuration
  const pods = objectsOf(live).flatMap((of) => podsIn(of, config))
  const [found] = pods
  if (found === undefined) throw new Error('an object that the API server gave is none')
  const namespace = live.metadata.namespace ?? cluster.namespace
  const explanation = await explainFound(found, pods, { asked: sources, namespace, live })
  const state = await readLivePod(cluster, live, config.annotationPrefix)
  if (explanation.verdict === 'injected') return { ...explanation, state }
  return { ...explanation, state, hints: [...(await misplacedOnOwners(cluster, live, facts)), ...explanation.hints] }
}

/** One of several templates may ask for a model where the others need none. */
function expectsModel(templates: readonly FoundPod[], { annotationPrefix }: Config): boolean {
  const [only] = templates
  return templates.length === 1 && skipReasonOf(only?.pod, annotationPrefix) === undefined
}

/**
 * The operator of the object made its pod of something that is not known here: the pod itself shows what it was made
 * with.
 */
async function explainByPod(
  { kind, metadata: { name } }: KubernetesObject,
  shown: ClusterPod,
  state: LiveObjectState,
  sources: AdmissionSources & { readonly cluster: Cluster },
): Promise<Explanation> {
  const explanation = await explainLivePod(shown, sources)
  return { ...explanation, title: printable(`${kind.toLowerCase()}/${name}`), live: false, state }
}

function explainWithoutPods(
  { kind, metadata: { name } }: KubernetesObject,
  namespace: string,
  state: LiveObjectState,
): Explanation {
  const because = 'no pod template of this object is known, and it owns no pods'
  const title = printable(`${kind.toLowerCase()}/${name}`)
  return { title, namespace, live: false, verdict: 'not injected', because, steps: [], hints: [], state }
}

/** A ReplicaSet copies the annotations of its Deployment; the farthest owner is the one that users edit. */
async function misplacedOnOwners(
  cluster: Cluster,
  pod: ClusterPod,
  { configuration }: ClusterFacts,
): Promise<readonly string[]> {
  const { config } = configuration
  const hints = (await ownersOf(cluster, pod)).map((owner) =>
    objectsOf(owner).flatMap((found) =>
      misplacedAnnotations(found, podsIn(found, config), config.annotationPrefix).map(
        (hint) => `${found.title}: ${hint}`,
      ),
    ),
  )
  return hints.findLast(({ length }) => length > 0) ?? []
}
