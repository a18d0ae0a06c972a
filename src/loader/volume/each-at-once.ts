import { collectGarbage } from '../collect-garbage.ts'

/** Calls between two garbage collections: the garbage of so many is a good part of the loader's memory. */
const callsPerCollection = 8192
let calls = 0

/** Runs an action for every item, a number of them at once, in their order. */
export async function eachAtOnce<T>(
  atOnce: number,
  items: Iterable<T>,
  action: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items[Symbol.iterator]()
  const work = async (): Promise<void> => {
    for (let next = waiting.next(); next.done !== true; next = waiting.next()) {
      if (++calls % callsPerCollection === 0) collectGarbage()
      await action(next.value)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
}
