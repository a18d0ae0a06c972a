/** A pod with an image volume, to see whether the API server keeps it. It is never stored. */
import type { Cluster } from '../../cluster/cluster.ts'
import type { PodSpec } from '../../cluster/objects.ts'
import { resources } from '../../cluster/resources.ts'

export type ImageProbe = { readonly kept: 'yes' | 'no' } | { readonly kept: 'refused'; readonly message: string }

/** Without annotations of ours, so that the webhook has no part in it. */
export async function probeImageVolume(cluster: Cluster, namespace: string): Promise<ImageProbe> {
  const answer = await cluster.dryRunCreate(resources.pods, probePod(), namespace)
  if (!answer.created) return { kept: 'refused', message: answer.message.replaceAll('\n', '; ') }
  const { volumes = [] } = answer.object.spec as PodSpec
  return { kept: volumes.some(({ name, image }) => name === 'probe' && image !== undefined) ? 'yes' : 'no' }
}

/** Allowed by the restricted Pod Security Standard, and by quotas that ask for requests and limits. */
function probePod(): object {
  const amounts = { cpu: '1m', memory: '1Mi' }
  return {
    apiVersion: 'v1', kind: 'Pod', metadata: { generateName: 'model-injector-check-' },
    spec: {
      restartPolicy: 'Never',
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [{
        name: 'probe', image: 'registry.k8s.io/pause:3.10', resources: { requests: amounts, limits: amounts },
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        volumeMounts: [{ name: 'probe', mountPath: '/probe', readOnly: true }],
      }],
      volumes: [{ name: 'probe', image: { reference: `registry.example.com/probe@sha256:${'0'.repeat(64)}`, pullPolicy: 'IfNotPresent' } }],
    },
  }
}
