/** The workload of a pod, from the pod alone: asking the API server for each owner would double what an audit asks. */

export interface Owner {
  readonly kind: string
  readonly name: string
}

interface Owned {
  readonly ownerReferences?: unknown
  readonly labels?: unknown
}

/** The Deployment, not its ReplicaSet: that has the name of the Deployment and the hash that each of its pods has as a label. */
export function ownerOf({ ownerReferences, labels }: Owned): Owner | undefined {
  const references = Array.isArray(ownerReferences)
    ? (ownerReferences as readonly Partial<Owner & { controller: boolean }>[])
    : []
  const { kind, name } = references.find(({ controller }) => controller === true) ?? {}
  if (kind === undefined || name === undefined) return undefined
  const hash = (labels as Readonly<Record<string, string>> | null | undefined)?.['pod-template-hash']
  if (kind !== 'ReplicaSet' || hash === undefined || !name.endsWith(`-${hash}`)) return { kind, name }
  return { kind: 'Deployment', name: name.slice(0, -hash.length - 1) }
}
