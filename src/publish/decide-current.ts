/** Decides which version `current` points to: without a pin never an older one, and never one that may be incomplete. */
import { quote } from '../values/print/printable.ts'
import type { VersionRecord } from './record.ts'
import type { Current, VolumeState } from './volume-state.ts'
import { compareVersions, isPrerelease, parseVersion } from './version-order.ts'

/** Orders of versions: by name, or by the upload time of the manifest. */
export const orders = ['version', 'modified'] as const
export type Order = (typeof orders)[number]

export type CurrentDecision =
  | { readonly move: string }
  /** `why` is an explanation for people where the decision may surprise. */
  | { readonly move: undefined; readonly why?: string }

type Known = Pick<VolumeState, 'current' | 'versions' | 'pinned'>

/** A pin wins; else `current` stays, unless there is a newer version. */
export function decideCurrent({ current, versions, pinned }: Known, order: Order): CurrentDecision {
  const whole = [...versions.values()].flatMap(({ record }) => record ?? [])
  const newest = newestOf(whole, order)
  if (pinned !== undefined) return decidePinned(pinned, { current, versions }, newest)
  if (current.kind === 'foreign') {
    return stay(`current leads to ${quote(current.target)}, which publish did not make; --current VERSION replaces it`)
  }
  if (newest === undefined) return stay(whole.length === 0 ? undefined : noneInOrder(whole))
  return current.kind === 'none'
    ? { move: newest.version }
    : decideForward(current, newest, versions.get(current.version)?.record, order)
}

function decideForward(
  current: Extract<Current, { kind: 'version' }>,
  newest: VersionRecord,
  now: VersionRecord | undefined,
  order: Order,
): CurrentDecision {
  if (newest.version === current.version) return stay()
  const forward = isNewer(newest, now ?? current.version, order)
  if (forward === true) return { move: newest.version }
  if (forward === undefined) {
    return stay(
      `current leads to ${current.version}, and nothing says whether ${newest.version} is newer; --current VERSION decides`,
    )
  }
  return current.there
    ? stay()
    : stay(`current leads to ${current.version}, which is not there; --current VERSION leads it elsewhere`)
}

function decidePinned(
  pinned: string,
  { current, versions }: Pick<Known, 'current' | 'versions'>,
  newest: VersionRecord | undefined,
): CurrentDecision {
  const isThere = current.kind === 'version' && current.version === pinned
  if (!isThere && versions.get(pinned)?.record !== undefined) return { move: pinned }
  const newer = newest === undefined || newest.version === pinned ? '' : `, and ${newest.version} is newer`
  return stay(`current is pinned to ${pinned}${newer}; --current newest follows the newest again`)
}

/** Newest version that may become current without a pin: no prereleases, and in order `version` only names with an order. */
function newestOf(records: readonly VersionRecord[], order: Order): VersionRecord | undefined {
  const eligible = records.filter(
    ({ version }) => !isPrerelease(version) && (order === 'modified' || parseVersion(version) !== undefined),
  )
  return newestFirst(eligible, order)[0]
}

interface Dated {
  readonly version: string
  readonly manifest: Pick<VersionRecord['manifest'], 'lastModified'>
}

export function newestFirst<T extends Dated>(records: readonly T[], order: Order): readonly T[] {
  return records.toSorted(
    (a, b) => (order === 'modified' ? compareTimes(b, a) : 0) || compareVersions(b.version, a.version),
  )
}

function compareTimes(a: Dated, b: Dated): number {
  return Date.parse(a.manifest.lastModified) - Date.parse(b.manifest.lastModified)
}

/** Undefined where the current version has no place in the order. */
function isNewer(candidate: VersionRecord, now: VersionRecord | string, order: Order): boolean | undefined {
  if (order === 'version') {
    const version = typeof now === 'string' ? now : now.version
    return parseVersion(version) === undefined ? undefined : compareVersions(candidate.version, version) > 0
  }
  return typeof now === 'string' ? undefined : newestFirst([candidate, now], order)[0] === candidate
}

function noneInOrder(records: readonly VersionRecord[]): string {
  const names = records
    .slice(0, 3)
    .map(({ version }) => version)
    .join(', ')
  return `current is not moved by itself to a version without a place in the order, or to a prerelease: ${names}; --current VERSION or --newest-by modified decides`
}

function stay(why?: string): CurrentDecision {
  return why === undefined ? { move: undefined } : { move: undefined, why }
}
