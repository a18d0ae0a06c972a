/** The input of an audit: pods of a cluster, and pods and pod templates of files. */
import type { Diagnostic } from '../reasons.ts'
import type { NamedPod } from './claim-writers.ts'
import { ownerOf } from './owner.ts'

/** A pod of a cluster, or the pod of a workload in a file. */
export interface AuditedObject {
  readonly pod: unknown
  /** Namespace of a pod that names none. */
  readonly namespace: string
  /** True where all pods of a namespace come together, so that it has ended when the next one begins. */
  readonly isByNamespace?: boolean
  readonly file?: string
  /** The workload that has the pod as its template. */
  readonly workload?: { readonly kind: string; readonly name: string }
  /** Its word among the pods of the workload. */
  readonly part?: string
  /** The line of a field of the workload in the file; of its annotations where none is named. */
  readonly lineOf?: (field?: string) => number
  /** Translates a field path of the pod to one of the workload. */
  readonly fieldOf?: (field: string) => string
  /** Set if the pods of an object that asks for a model are not known, so that it cannot be judged. */
  readonly unknown?: Diagnostic
}

type Metadata = Readonly<Record<string, unknown>>

/** Labels of a malformed pod may be anything. */
export function labelsOf({ pod }: AuditedObject): unknown {
  return metadataOf(pod).labels
}

export function namedPodOf({ pod, namespace, workload }: AuditedObject): NamedPod {
  if (workload !== undefined) {
    const { kind, name } = workload
    return { namespace, title: `${kind.toLowerCase()}/${name}`, name: undefined, workload: `${kind}/${name}` }
  }
  const metadata = metadataOf(pod)
  const owner = ownerOf(metadata)
  const name = textOf(metadata.name)
  return {
    namespace,
    title: `pod/${name ?? textOf(metadata.generateName) ?? '(no name)'}`,
    name,
    workload: owner && `${owner.kind}/${owner.name}`,
  }
}

function metadataOf(pod: unknown): Metadata {
  return (pod as { readonly metadata?: Metadata | null } | null | undefined)?.metadata ?? {}
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
