/** Runs an action for every item, a number of them at once, in their order. */
export async function eachAtOnce<T>(
  atOnce: number,
  items: Iterable<T>,
  action: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items[Symbol.iterator]()
  const work = async (): Promise<void> => {
    for (let next = waiting.next(); next.done !== true; next = waiting.next()) await action(next.value)
  }
  await Promise.all(Array.from({ length: atOnce }, work))
}
