/** The workload of a pod, from the pod alone: asking the API server for each owner would double what an audit asks. */

export interface Owner {
  readonly kind: string
  readonly name: string
}

/** Any type: a pod in a file may have anything there. */
interface Owned {
  readonly ownerReferences?: unknown
  readonly labels?: unknown
}

/** The Deployment, not its ReplicaSet: that has the name of the Deployment and the hash that each of its pods has as a label. */
export function ownerOf({ ownerReferences, labels }: Owned): Owner | undefined {
  const references: readonly unknown[] = Array.isArray(ownerReferences) ? ownerReferences : []
  const controller = references.find((reference) => fieldOf(reference, 'controller') === true)
  const [kind, name] = [textOf(controller, 'kind'), textOf(controller, 'name')]
  if (kind === undefined || name === undefined) return undefined
  const hash = textOf(labels, 'pod-template-hash')
  if (kind !== 'ReplicaSet' || hash === undefined || !name.endsWith(`-${hash}`)) return { kind, name }
  return { kind: 'Deployment', name: name.slice(0, -hash.length - 1) }
}

/** `kubectl create job --from` makes a Job whose CronJob is no controller of it. */
export function isCronJobReference({ kind }: { readonly kind?: unknown }): boolean {
  return kind === 'CronJob'
}

function textOf(object: unknown, field: string): string | undefined {
  const value = fieldOf(object, field)
  return typeof value === 'string' ? value : undefined
}

function fieldOf(object: unknown, field: string): unknown {
  return typeof object === 'object' && object !== null
    ? (object as Readonly<Record<string, unknown>>)[field]
    : undefined
}
