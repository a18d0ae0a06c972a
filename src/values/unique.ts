/** The first item of each key, in the order of the items. */
export function unique<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  return [...Map.groupBy(items, keyOf).values()].flatMap((group) => group.slice(0, 1))
}
