/** Creates a pod with a model request as a dry run, to see the result of admission. It is never stored. */
import type { Cluster, DryRun } from '../cluster/cluster.ts'
import { resources } from '../cluster/resources.ts'
import { lookup, type Lookup } from '../diagnosis/lookup.ts'
import { probePod, type ProbePod } from '../diagnosis/probe-pod.ts'

export interface Probe {
  readonly namespace: string
  readonly answer: Lookup<DryRun>
}

export async function probeAdmission(cluster: Cluster, prefix: string, namespace: string): Promise<Probe> {
  return {
    namespace,
    answer: await lookup(() => cluster.dryRunCreate(resources.pods, probePod(askingFor(prefix)), namespace)),
  }
}

function askingFor(prefix: string): ProbePod {
  return {
    annotations: { [`${prefix}source`]: 's3://model-injector-check/probe/', [`${prefix}size`]: '1Mi' },
    amounts: { cpu: '1', memory: '256Mi' },
  }
}
