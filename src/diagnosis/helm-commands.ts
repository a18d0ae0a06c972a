/**
 * Helm commands that repair an installation, right for Helm 3 and 4. The two differ in how they write: Helm 3 merges, Helm 4
 * applies on the server's side and refuses fields that kubectl has changed since, unless it is told `--force-conflicts`,
 * a flag that Helm 3 does not know.
 */
import type { KubernetesObject } from '../cluster/objects.ts'
import { quoteWord } from '../values/shell.ts'

export interface Release {
  readonly name: string
  readonly namespace: string
}

/** Undefined for objects that came by kubectl apply. */
export function releaseOf({ metadata: { annotations = {} } }: KubernetesObject): Release | undefined {
  const name = annotations['meta.helm.sh/release-name']
  const namespace = annotations['meta.helm.sh/release-namespace']
  return name === undefined || namespace === undefined ? undefined : { name, namespace }
}

export function rollBackRelease({ name, namespace }: Release): string {
  return `helm rollback ${quoteWord(name)} -n ${quoteWord(namespace)}`
}
