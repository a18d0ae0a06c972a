/** Reads what the state of a pod is judged from. Facts that may not be read are reported, and nothing stops for them. */
import type { Cluster } from '../../../cluster/cluster.ts'
import type { ClusterEvent, ClusterPod, KubernetesObject } from '../../../cluster/objects.ts'
import { resources } from '../../../cluster/resources.ts'
import { lookup, type Lookup } from '../../../diagnosis/lookup.ts'
import { judgePod, needsEvents } from './judge-pod.ts'
import type { LiveObjectState } from './live-state.ts'

/** Events of one object: the API server keeps them for an hour, and counts those that are equal. */
const mostEvents = 500

export async function readLivePod(cluster: Cluster, pod: ClusterPod, prefix: string): Promise<LiveObjectState> {
  const events = needsEvents(pod) ? await readEvents(cluster, pod) : undefined
  const { health, brief, findings } = judgePod({ pod, events }, prefix)
  return { health, what: brief, findings }
}

export async function readEvents(
  cluster: Cluster,
  { metadata: { uid = '', namespace } }: KubernetesObject,
): Promise<Lookup<readonly ClusterEvent[]>> {
  return lookup(async () => {
    const events: ClusterEvent[] = []
    for await (const event of cluster.list(resources.events, {
      namespace,
      fieldSelector: `involvedObject.uid=${uid}`,
    })) {
      events.push(event)
      if (events.length >= mostEvents) break
    }
    return events
  })
}
