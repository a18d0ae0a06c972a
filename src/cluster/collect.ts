/** Reads a whole list; only for small ones: webhook configurations, the pods of one Deployment. */
export async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
