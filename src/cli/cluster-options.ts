/** The options by which every command that asks a cluster finds it. */
import type { Command } from 'commander'
import type { Cluster } from '../cluster/cluster.ts'

export interface ClusterOptions {
  readonly kubeconfig?: string
  readonly context?: string
}

export function withClusterOptions(command: Command): Command {
  return command
    .option(
      '--kubeconfig <file>',
      'kubeconfig file (default: KUBECONFIG, ~/.kube/config, or the service account of the pod it runs in)',
    )
    .option('--context <name>', 'context of the kubeconfig (default: its current one)')
}

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
