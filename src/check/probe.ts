/** A pod that asks for a model, to see what admission makes of it. It is never stored. */
import type { Cluster, DryRun } from '../cluster/cluster.ts'
import { resources } from '../cluster/resources.ts'
import { look, type Look } from './look.ts'

export interface Probe {
  readonly namespace: string
  readonly answer: Look<DryRun>
}

export async function probeAdmission(cluster: Cluster, prefix: string, namespace: string): Promise<Probe> {
  return { namespace, answer: await look(() => cluster.dryRunCreate(resources.pods, probePod(prefix), namespace)) }
}

/** Allowed by the restricted Pod Security Standard, and by quotas that ask for requests and limits. */
function probePod(prefix: string): object {
  const amounts = { cpu: '1', memory: '256Mi' }
  return {
    apiVersion: 'v1', kind: 'Pod',
    metadata: { generateName: 'model-injector-check-', annotations: { [`${prefix}source`]: 's3://model-injector-check/probe/', [`${prefix}size`]: '1Mi' } },
    spec: {
      restartPolicy: 'Never',
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [{
        name: 'probe', image: 'registry.k8s.io/pause:3.10', resources: { requests: amounts, limits: amounts },
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      }],
    },
  }
}
