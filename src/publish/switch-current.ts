/** Switches `current` if needed: a reader always finds the old version or the new one. */
import { rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { LoaderFailure } from '../loader/exit-codes.ts'
import { syncDirectory } from '../loader/volume/directory.ts'
import { decideCurrent, type Order } from './decide-current.ts'
import { markInUse } from './in-use.ts'
import { withCurrentLock, type LockHolder } from './locks.ts'
import { isWhole, replaceDurably } from './record.ts'
import { readVolumeState, type Current, type VolumeState } from './volume-state.ts'
import type { PublishVolume } from './volume.ts'

export interface CurrentState {
  /** Target now: a version, or any other target of the link. Undefined without a link. */
  readonly version: string | undefined
  /** Target before this run switched it; undefined where it was not switched, or there was no link. */
  readonly from?: string
  readonly moved: boolean
  /** Explanation for people where the state may surprise. */
  readonly why?: string
}

export async function switchCurrent(volume: PublishVolume, order: Order, holder: LockHolder): Promise<CurrentState> {
  return (await switchLocked(volume, order, holder)) ?? (await switchCurrent(volume, order, holder))
}

/** Undefined where another process has taken the lock meanwhile: what was decided may be of yesterday, and would lead `current` back. */
function switchLocked(volume: PublishVolume, order: Order, holder: LockHolder): Promise<CurrentState | undefined> {
  return withCurrentLock(volume, holder, async (isHeld) => {
    const survey = await readVolumeState(volume)
    const state = previewCurrent(survey, order)
    if (!state.moved || state.version === undefined) return state
    await refuseDamaged(volume, survey, state.version)
    // Its age for pruning counts from now.
    if (survey.current.kind === 'version' && survey.current.there) await markInUse(volume, survey.current.version)
    if (!(await isHeld())) return undefined
    await pointCurrent(volume, state.version)
    return state
  })
}

/** The result that `switchCurrent` would have. */
export function previewCurrent(
  state: Pick<VolumeState, 'current' | 'versions' | 'pinned'>,
  order: Order,
): CurrentState {
  const from = leadsTo(state.current)
  const decision = decideCurrent(state, order)
  if (decision.move !== undefined) return { version: decision.move, moved: true, ...(from !== undefined && { from }) }
  return { version: from, moved: false, ...(decision.why !== undefined && { why: decision.why }) }
}

function leadsTo(current: Current): string | undefined {
  if (current.kind === 'none') return undefined
  return current.kind === 'version' ? current.version : current.target
}

async function refuseDamaged(volume: PublishVolume, { versions }: VolumeState, version: string): Promise<void> {
  const record = versions.get(version)?.record
  if (record !== undefined && (await isWhole(join(volume.versions, version), record))) return
  throw new LoaderFailure(
    'ForeignFiles',
    `versions/${version} does not hold what was published there, so current is not moved to it`,
    {
      remedy: 'move the directory away; the next run publishes it again',
    },
  )
}

/** Makes a relative link: pods mount the volume at different paths. */
async function pointCurrent(volume: PublishVolume, version: string): Promise<void> {
  const temporary = join(volume.own, `current-${crypto.randomUUID()}`)
  await symlink(`versions/${version}`, temporary)
  try {
    await rename(temporary, volume.current)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncDirectory(volume.root)
}

/** Pins `current`; `newest` removes the pin. */
export async function pinCurrent(volume: PublishVolume, to: string): Promise<void> {
  if (to === 'newest') await rm(volume.pinned, { force: true })
  else await replaceDurably(volume.own, volume.pinned, `${to}\n`)
}
