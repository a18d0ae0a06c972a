/**
 * Checks that a stored object has all fields of an expected one. The API server adds defaults and other plugins add their
 * own, so a stored object has more; what is expected must be there with the same value. Items with a name are found by it.
 */
export function missingFrom(stored: unknown, expected: unknown, path = ''): string[] {
  if (Array.isArray(expected)) {
    return Array.isArray(stored) ? missingItems(stored, expected, path) : [`${path}: no list`]
  }
  if (typeof expected === 'object' && expected !== null) {
    if (typeof stored !== 'object' || stored === null) return [`${path}: no object`]
    return Object.entries(expected).flatMap(([key, value]) =>
      missingFrom((stored as Record<string, unknown>)[key], value, `${path}.${key}`),
    )
  }
  return Object.is(stored, expected)
    ? []
    : [`${path}: ${JSON.stringify(stored)} instead of ${JSON.stringify(expected)}`]
}

function missingItems(stored: unknown[], expected: unknown[], path: string): string[] {
  if (!expected.every(hasName)) {
    return stored.length === expected.length
      ? expected.flatMap((item, i) => missingFrom(stored[i], item, `${path}[${i}]`))
      : [`${path}: ${stored.length} items instead of ${expected.length}`]
  }
  return expected.flatMap((item) => {
    const key = (candidate: unknown): string =>
      JSON.stringify([nameOf(candidate), (candidate as { mountPath?: string }).mountPath])
    const match = stored.find((candidate) => key(candidate) === key(item))
    return match === undefined
      ? [`${path}[${nameOf(item)}]: missing`]
      : missingFrom(match, item, `${path}[${nameOf(item)}]`)
  })
}

function hasName(item: unknown): boolean {
  return typeof item === 'object' && item !== null && 'name' in item
}

function nameOf(item: unknown): string {
  return hasName(item) ? (item as { name: string }).name : ''
}
