/**
 * Finds items of a pod's lists by a key in constant time, however long the list is: a pod has up to 3 MiB, and lists that are
 * searched again for every name cost the square of that. A list of a pod is never changed, so its index is made once.
 */

/** Reading through so few is faster than an index of them. */
const shortLength = 8

type List<T> = readonly T[] | null | undefined

/** The first item with a key. */
export const findByName = firstBy<{ readonly name: string }>(({ name }) => name)

/** Every item with a key: the API server lets a container have one variable twice. */
export const allByName = allBy<{ readonly name: string }>(({ name }) => name)

export function firstBy<T extends object>(
  keyOf: (item: T) => string | undefined,
): <I extends T>(list: List<I>, key: string) => I | undefined {
  const find = allBy(keyOf)
  return (list, key) =>
    list && list.length <= shortLength ? list.find((item) => keyOf(item) === key) : find(list, key)[0]
}

export function allBy<T extends object>(
  keyOf: (item: T) => string | undefined,
): <I extends T>(list: List<I>, key: string) => readonly I[] {
  const indexes = new WeakMap<readonly T[], ReadonlyMap<string | undefined, readonly T[]>>()
  return <I extends T>(list: List<I>, key: string): readonly I[] => {
    if (!list) return []
    if (list.length <= shortLength) return list.filter((item) => keyOf(item) === key)
    const index = indexes.get(list) ?? Map.groupBy(list, keyOf)
    indexes.set(list, index)
    return (index.get(key) ?? []) as readonly I[]
  }
}

const sets = new WeakMap<readonly string[], ReadonlySet<string>>()

/** A list of words as a set; for lists that are never changed. */
export function setOf(words: readonly string[]): ReadonlySet<string> {
  const set = sets.get(words) ?? new Set(words)
  sets.set(words, set)
  return set
}
