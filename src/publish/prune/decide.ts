/** Decides which versions are moved to the trash, restored from it, or removed; in doubt a version stays. */
import { formatAge } from '../../values/duration.ts'
import type { HeldVersion, TrashedVersion, VolumeState } from '../volume-state.ts'
import { compareVersions, parseVersion } from '../version-order.ts'
import type { PodUse, Uses } from './uses.ts'
/** Decides which versions go into the trash, are restored from it, or are removed; in doubt a version stays. */

export interface Rules {
  readonly nowMs: number
  readonly olderThanMs: number
  /** Time in the trash. */
  readonly graceMs: number
  /** True if pods that mount the whole volume read only the target of `current`. */
  readonly hotSwap: boolean
}

type Action = 'keep' | 'trash' | 'restore' | 'keep-in-trash' | 'remove'

export interface PruneDecision {
  readonly version: string
  readonly action: Action
  readonly why: string
  /** The version in the trash. */
  readonly trashed?: TrashedVersion
}

/** Tolerated difference between the clocks of the volume and of the API server. */
const clockMarginMs = 10 * 60_000

export function decidePrune(state: VolumeState, uses: Uses, rules: Rules): readonly PruneDecision[] {
  const held = [...state.versions.values()].map((version) => decideHeld(version, state, { uses, rules }))
  const trashed = state.trash.map((version) => decideTrashed(version, { uses, rules }))
  return [...held, ...trashed].toSorted((a, b) => compareVersions(b.version, a.version))
}

interface DecisionContext {
  readonly uses: Uses
  readonly rules: Rules
}

function decideHeld(held: HeldVersion, state: VolumeState, { uses, rules }: DecisionContext): PruneDecision {
  const { version, inUseMs = 0, publishedMs = 0 } = held
  const lastMs = Math.max(inUseMs, publishedMs)
  const why = whyNever(held, state) ?? whyUsed(version, lastMs, { uses, rules })
  if (why !== undefined) return { version, action: 'keep', why }
  const unusedMs = rules.nowMs - lastMs
  const unused = `not in use for ${formatAge(unusedMs / 1000)}`
  return { version, action: unusedMs < rules.olderThanMs ? 'keep' : 'trash', why: unused }
}

function whyNever(held: HeldVersion, { current, pinned, versions }: VolumeState): string | undefined {
  if (current.kind !== 'version') return 'current leads to no version'
  if (held.version === current.version) return 'current'
  if (held.record === undefined) return 'not made by publish'
  if (held.version === pinned) return 'current is pinned to it'
  return isNewer(held, versions.get(current.version) ?? { ...held, version: current.version, record: undefined })
    ? 'newer than current'
    : undefined
}

/** Names decide where both have an order, else the times of their manifests; in doubt the version is newer. */
function isNewer(held: HeldVersion, current: HeldVersion): boolean {
  if (parseVersion(held.version) !== undefined && parseVersion(current.version) !== undefined) {
    return compareVersions(held.version, current.version) > 0
  }
  const [time, currentTime] = [held, current].map(({ record }) => Date.parse(record?.manifest.lastModified ?? ''))
  return !(time !== undefined && currentTime !== undefined && time <= currentTime)
}

function whyUsed(version: string, lastMs: number, { uses, rules: { hotSwap } }: DecisionContext): string | undefined {
  const mounted = uses.versions.get(version)
  if (mounted !== undefined) return `mounted by ${firstOf(mounted)}`
  // A pod that was created after the version was last current has never seen it there.
  const seen = [...uses.current, ...(hotSwap ? uses.whole : [])].filter(
    ({ createdMs }) => createdMs <= lastMs + clockMarginMs,
  )
  if (seen.length > 0) return `may be what current led to when a container of ${firstOf(podsOf(seen))} started`
  return hotSwap || uses.whole.length === 0
    ? undefined
    : `may be read by ${firstOf(podsOf(uses.whole))}, which mounts the whole volume`
}

function decideTrashed(trashed: TrashedVersion, { uses, rules }: DecisionContext): PruneDecision {
  const { version, trashedMs } = trashed
  const used = uses.versions.get(version)
  if (used !== undefined) return { version, action: 'restore', why: `mounted by ${firstOf(used)}`, trashed }
  const ageMs = rules.nowMs - trashedMs
  const why = `in the trash for ${formatAge(ageMs / 1000)}`
  return { version, action: ageMs < rules.graceMs ? 'keep-in-trash' : 'remove', why, trashed }
}

function podsOf(uses: readonly PodUse[]): readonly string[] {
  return uses.map(({ pod }) => pod)
}

function firstOf(pods: readonly string[]): string {
  return `${pods[0] ?? ''}${pods.length > 1 ? ` and ${pods.length - 1} more` : ''}`
}
