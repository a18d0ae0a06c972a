/** The flags by which every command that asks a cluster finds it. */
import type { Cluster } from '../cluster/cluster.ts'
import { parseText } from '../flags/flags.ts'

export interface ClusterOptions {
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
}

export const clusterFlags = {
  kubeconfig: {
    term: '--kubeconfig <file>',
    description: 'kubeconfig file (default: KUBECONFIG, ~/.kube/config, or the service account of the pod it runs in)',
    parse: parseText,
  },
  context: {
    term: '--context <name>',
    description: 'context of the kubeconfig (default: its current one)',
    parse: parseText,
  },
} as const

/** Idle connections would keep the process alive. */
export async function useCluster<T>(
  { kubeconfig, context }: ClusterOptions,
  work: (cluster: Cluster) => Promise<T>,
): Promise<T> {
  // Kubernetes' client is 870 files, which take a second to load: what reads files or the bucket only, or prints its help, does without.
  const { connectCluster } = await import('../cluster/connect.ts')
  const cluster = connectCluster({ kubeconfig, context })
  try {
    return await work(cluster)
  } finally {
    cluster.close()
  }
}
