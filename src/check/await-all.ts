/** Awaits the values of an object, all at once. */
export async function awaitAll<T extends Readonly<Record<string, unknown>>>(
  promises: T,
): Promise<{ readonly [Key in keyof T]: Awaited<T[Key]> }> {
  const entries = Object.entries(promises).map(async ([key, value]) => [key, await value] as const)
  return Object.fromEntries(await Promise.all(entries)) as { [Key in keyof T]: Awaited<T[Key]> }
}
