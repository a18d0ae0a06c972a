/**
 * Orders versions by their names alone: semantic versions (semver.org §11), with any count of numbers, with a `v` or without, and
 * days like 2026-08-01. Any other name (a commit's hash) has no place in this order.
 */

export interface OrderedVersion {
  readonly numbers: readonly bigint[]
  /** `rc.1` of 2.0.0-rc.1; a version with one comes before the version without. */
  readonly prerelease: readonly string[]
  /** `7` of 1.4.0+7. Semver ignores it in comparisons; here 1.4.0+8 is newer, as its publisher intends. */
  readonly build: readonly string[]
}

const versionPattern =
  /^v?(\d{1,20}(?:\.\d{1,20})*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/
const dayPattern = /^(\d{4})-(\d{2})-(\d{2})$/

export function parseVersion(name: string): OrderedVersion | undefined {
  const day = dayPattern.exec(name)
  if (day !== null) return { numbers: day.slice(1).map(BigInt), prerelease: [], build: [] }
  const [, numbers, prerelease, build] = versionPattern.exec(name) ?? []
  if (numbers === undefined) return undefined
  return {
    numbers: numbers.split('.').map(BigInt),
    prerelease: prerelease?.split('.') ?? [],
    build: build?.split('.') ?? [],
  }
}

export function isPrerelease(name: string): boolean {
  return (parseVersion(name)?.prerelease.length ?? 0) > 0
}

/** Below zero where `a` is older. Names without an order come first, and among equals (1.0 and v1.0.0) the letters decide. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parseVersion(a), parseVersion(b)]
  if (left === undefined || right === undefined) {
    return Number(left !== undefined) - Number(right !== undefined) || compareText(a, b)
  }
  return (
    compareNumbers(left.numbers, right.numbers) ||
    comparePrereleases(left.prerelease, right.prerelease) ||
    compareIdentifiers(left.build, right.build) ||
    compareText(a, b)
  )
}

function compareNumbers(a: readonly bigint[], b: readonly bigint[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [left, right] = [a[i] ?? 0n, b[i] ?? 0n]
    if (left !== right) return left < right ? -1 : 1
  }
  return 0
}

function comparePrereleases(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return Number(a.length === 0) - Number(b.length === 0)
  return compareIdentifiers(a, b)
}

/** Numbers compare as numbers and come before words; a longer list comes later. */
function compareIdentifiers(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareIdentifier(a[i] ?? '', b[i] ?? '')
    if (order !== 0) return order
  }
  return a.length - b.length
}

function compareIdentifier(a: string, b: string): number {
  const [isNumberA, isNumberB] = [a, b].map((text) => /^\d+$/.test(text))
  if (isNumberA === true && isNumberB === true) return compareNumbers([BigInt(a)], [BigInt(b)])
  if (isNumberA !== isNumberB) return isNumberA === true ? -1 : 1
  return compareText(a, b)
}

/** Compares code units, for the same order in every locale. */
function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}
