/** Explains an object of the cluster: the state of its pods first, then admission. */
import type { Explanation } from '../../check/why/explain.ts'
import { readLivePod } from '../../check/why/live/read-live.ts'
import { ownersOf } from '../../check/why/owners.ts'
import type { ClusterFacts } from '../../check/why/surroundings.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import type { ClusterPod, KubernetesObject } from '../../cluster/objects.ts'
import { misplacedAnnotations } from '../judge.ts'
import { podsIn } from '../manifests/pods.ts'
import { objectsOf } from '../manifests/workloads.ts'
import { explainFound, type AdmissionSources } from './explain-found.ts'

export async function explainLive(
  cluster: Cluster,
  object: KubernetesObject,
  { facts, server }: Omit<AdmissionSources, 'cluster'>,
): Promise<readonly Explanation[]> {
  const asked = { facts, cluster, server }
  const namespace = object.metadata.namespace ?? cluster.namespace
  const pods = objectsOf(object).flatMap((of) => podsIn(of, facts.configuration.config))
  const [found] = pods
  if (found === undefined) throw new Error('an object that the API server gave is none')
  if (object.kind !== 'Pod') return [await explainFound(found, pods, { asked, namespace })]
  const live = object as ClusterPod
  const explanation = await explainFound(found, pods, { asked, namespace, live })
  const state = await readLivePod(cluster, live, facts.configuration.config.annotationPrefix)
  if (explanation.verdict === 'injected') return [{ ...explanation, state }]
  return [{ ...explanation, state, hints: [...(await misplacedOnOwners(cluster, live, facts)), ...explanation.hints] }]
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
