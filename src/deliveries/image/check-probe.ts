/** Creates a pod with an image volume as a dry run, to see if the API server keeps the volume. It is never stored. */
import type { Cluster } from '../../cluster/cluster.ts'
import type { ClusterPodSpec } from '../../cluster/objects.ts'
import { resources } from '../../cluster/resources.ts'
import { probePod, type ProbePod } from '../../diagnosis/probe-pod.ts'

export type ImageProbe = { readonly kept: 'yes' | 'no' } | { readonly kept: 'refused'; readonly message: string }

/** Without our annotations, so that the webhook does not take part. */
export async function probeImageVolume(cluster: Cluster, namespace: string): Promise<ImageProbe> {
  const answer = await cluster.dryRunCreate(resources.pods, probePod(withImageVolume), namespace)
  if (!answer.created) return { kept: 'refused', message: answer.message.replaceAll('\n', '; ') }
  const { volumes = [] } = answer.object.spec as ClusterPodSpec
  return { kept: volumes.some(({ name, image }) => name === 'probe' && image !== undefined) ? 'yes' : 'no' }
}

const withImageVolume: ProbePod = {
  amounts: { cpu: '1m', memory: '1Mi' },
  volume: { image: { reference: `registry.example.com/probe@sha256:${'0'.repeat(64)}`, pullPolicy: 'IfNotPresent' } },
}
