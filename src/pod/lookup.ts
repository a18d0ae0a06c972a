/**
 * Finds items of a pod's lists by a key in constant time, however long the list is: a pod has up to 3 MiB, and lists that are
 * searched again for every name cost the square of that. A list of a pod is never changed, so its index is made once.
 */

/** Reading through so few is always faster than an index of them. */
const shortLength = 32

/** Reading through a longer list so often costs as much as its index; most are searched once or twice. */
const readsBeforeIndex = 8

type List<T> = readonly T[] | null | undefined

/** The first item with a key. */
export const findByName = firstBy<{ readonly name: string }>(({ name }) => name)

/** Every item with a key: the API server lets a container have one variable twice. */
export const allByName = allBy<{ readonly name: string }>(({ name }) => name)

export function firstBy<T extends object>(keyOf: KeyOf<T>): <I extends T>(list: List<I>, key: string) => I | undefined {
  const indexOf = indexer(keyOf)
  return <I extends T>(list: List<I>, key: string): I | undefined => {
    if (!list) return undefined
    const index = indexOf(list)
    return index === undefined ? list.find((item) => keyOf(item) === key) : (index.get(key)?.[0] as I | undefined)
  }
}

export function allBy<T extends object>(keyOf: KeyOf<T>): <I extends T>(list: List<I>, key: string) => readonly I[] {
  const indexOf = indexer(keyOf)
  return <I extends T>(list: List<I>, key: string): readonly I[] => {
    if (!list) return []
    const index = indexOf(list)
    return index === undefined ? list.filter((item) => keyOf(item) === key) : ((index.get(key) ?? []) as readonly I[])
  }
}

type KeyOf<T> = (item: T) => string | undefined

type Index<T> = ReadonlyMap<string | undefined, readonly T[]>

/** Counts the searches of a list, and makes its index once that pays; undefined until then. */
function indexer<T extends object>(keyOf: KeyOf<T>): (list: readonly T[]) => Index<T> | undefined {
  const known = new WeakMap<readonly T[], Index<T> | number>()
  return (list) => {
    if (list.length <= shortLength) return undefined
    const reads = known.get(list) ?? 0
    if (typeof reads !== 'number') return reads
    const index = reads < readsBeforeIndex ? undefined : Map.groupBy(list, keyOf)
    known.set(list, index ?? reads + 1)
    return index
  }
}

const sets = new WeakMap<readonly string[], ReadonlySet<string>>()

/** A list of words as a set; for lists that are never changed. */
export function setOf(words: readonly string[]): ReadonlySet<string> {
  const set = sets.get(words) ?? new Set(words)
  sets.set(words, set)
  return set
}
