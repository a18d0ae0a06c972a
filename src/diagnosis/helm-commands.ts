/**
 * Commands that repair an installation, right for Helm 3 and 4. The two differ in how they write: Helm 3 merges, Helm 4
 * applies on the server's side and refuses fields that kubectl has changed since, unless it is told `--force-conflicts`,
 * a flag that Helm 3 does not know. `helm get manifest` and `kubectl apply` are the same with both.
 */
import type { KubernetesObject } from '../cluster/objects.ts'
import { quoteWord } from '../values/shell.ts'

export interface Release {
  readonly name: string
  readonly namespace: string
}

/** Undefined for objects that came by kubectl apply. */
export function releaseOf({ metadata }: KubernetesObject): Release | undefined {
  const { annotations = {}, labels = {} } = metadata
  const name = annotations['meta.helm.sh/release-name']
  const namespace = annotations['meta.helm.sh/release-namespace']
  if (name !== undefined && namespace !== undefined) return { name, namespace }
  // Helm writes the annotations itself; an object that was written again from the manifest has only the chart's labels.
  const instance = labels['app.kubernetes.io/instance']
  const isOfHelm = labels['app.kubernetes.io/managed-by'] === 'Helm'
  return isOfHelm && instance !== undefined && metadata.namespace !== undefined
    ? { name: instance, namespace: metadata.namespace }
    : undefined
}

export function rollBackRelease({ name, namespace }: Release): string {
  return `helm rollback ${quoteWord(name)} -n ${quoteWord(namespace)}`
}

export function uninstallRelease({ name, namespace }: Release): string {
  return `helm uninstall ${quoteWord(name)} -n ${quoteWord(namespace)}`
}

/**
 * Writes all objects as the release has them, without its chart and values. The field manager is Helm 4's own, so that its
 * next upgrade finds no conflict.
 */
export function restoreRelease({ name, namespace }: Release): string {
  return `helm get manifest ${quoteWord(name)} -n ${quoteWord(namespace)} | kubectl apply --server-side --force-conflicts --field-manager helm -f -`
}
