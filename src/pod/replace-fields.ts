/** Makes a copy with some fields changed; undefined takes a field away, as JSON knows no undefined. */
export function replaceFields<T extends object>(object: T, changes: Readonly<Record<string, unknown>>): T {
  return Object.fromEntries(Object.entries({ ...object, ...changes }).filter(([, value]) => value !== undefined)) as T
}
