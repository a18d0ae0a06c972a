/** Explains from the state of a cluster why a pod was not injected. */
import type { AuditedPod } from '../../audit/judgement.ts'
import { failedRequirements, keysOf, type Labels } from '../../cluster/label-selector.ts'
import type { Registered } from '../../check/installation.ts'
import { lookup, valueOf, type Lookup } from '../../diagnosis/lookup.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import { resources } from '../../cluster/resources.ts'

/** The function returns undefined if the cluster shows no cause. Each namespace is read once. */
export function explainMissing(
  cluster: Cluster,
  { registration, webhook }: Registered,
): (pod: AuditedPod) => Promise<string | undefined> {
  const labels = new Map<string, Promise<Lookup<Labels>>>()
  const installed = valueOf(registration)?.metadata.creationTimestamp
  return async ({ namespace, createdAt }) => {
    if (registration.state === 'absent') return 'the webhook is not installed in this cluster'
    const selector = valueOf(webhook)?.namespaceSelector
    if (keysOf(selector).length > 0) {
      const known = labels.get(namespace) ?? labelsOf(cluster, namespace)
      labels.set(namespace, known)
      const failed = failedRequirements(selector, { ...valueOf(await known), 'kubernetes.io/metadata.name': namespace })
      // Without the labels, only what the name of the namespace decides is certain.
      const certain =
        (await known).state === 'found'
          ? failed
          : failed.filter((requirement) => requirement.startsWith('kubernetes.io/metadata.name '))
      if (certain.length > 0) return `the webhook leaves the namespace out (not met: ${certain.join(', ')})`
    }
    return installed !== undefined && createdAt !== undefined && createdAt < installed
      ? `it is older than the webhook configuration, which was created ${installed}`
      : undefined
  }
}

function labelsOf(cluster: Cluster, namespace: string): Promise<Lookup<Labels>> {
  return lookup(async () => {
    const found = await cluster.get(resources.namespaces, namespace)
    return found === undefined ? undefined : (found.metadata.labels ?? {})
  })
}
