/**
 * Changes of others in our parts, and their three classes. A loader is ours as a whole, but other webhooks and the API server write into
 * every container of a pod: the classes say what stays, what goes, and what is an attack or as bad as one.
 */
import type { Config } from '../../config/config.ts'
import type { Container } from '../../pod/pod.ts'

export const changeClasses = {
  harmless: 'kept',
  unknown: 'removed in the next pass with a warning; never called tampered',
  steering: 'removed or put back in the next pass with a warning; `tampered` in an audit',
} as const

export type ChangeClass = keyof typeof changeClasses

/** A kind of change, a row of the tables that classify. The first row that matches decides. */
export interface ChangeKind {
  /** The change, as a cell of the docs' table. */
  readonly change: string
  readonly madeBy: string
  readonly class: ChangeClass
  /** True where another configuration of the operator would have made it: an audit calls such a pod outdated. */
  readonly configurable?: true
}

/** One difference between a part as it is and as it is planned. */
export interface PartChange {
  /** A field path of the pod. */
  readonly field: string
  readonly class: ChangeClass
  readonly configurable: boolean
  /** Undefined: nothing should be there. */
  readonly expected?: string
  /** Undefined: nothing is there. */
  readonly found?: string
}

/** A loader of a pod beside the one that is planned for it. */
export interface ComparedLoader {
  readonly present: Container
  readonly planned: Container
  readonly config: Config
}

export function changeOf(
  kind: Pick<ChangeKind, 'class' | 'configurable'>,
  field: string,
  { expected, found }: { readonly expected?: string | undefined; readonly found?: string | undefined },
): PartChange {
  return {
    field,
    class: kind.class,
    configurable: kind.configurable === true,
    ...(expected !== undefined && { expected }),
    ...(found !== undefined && { found }),
  }
}

export interface ComparedList<T> {
  /** The list as it should be; undefined where all of it stays. */
  readonly restored: readonly T[] | undefined
  readonly changes: readonly PartChange[]
}

/** Undefined for a list with just the items that were there. */
export function unlessSame<T>(present: readonly T[], restored: readonly T[]): readonly T[] | undefined {
  const isSame = present.length === restored.length && present.every((item, i) => item === restored[i])
  return isSame ? undefined : restored
}
