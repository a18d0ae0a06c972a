/** Moves `current`, where it has to be moved: a reader finds the old version or the new one, and never nothing. */
import { rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { LoaderFailure } from '../loader/exit-codes.ts'
import { syncDirectory } from '../loader/volume/directory.ts'
import { decideCurrent, type Order } from './decide-current.ts'
import { markInUse } from './in-use.ts'
import { withCurrentLock, type LockHolder } from './locks.ts'
import { isWhole, replaceDurably } from './record.ts'
import { surveyVolume, type Current, type Survey } from './survey.ts'
import type { Volume } from './volume.ts'

export interface CurrentState {
  /** Where it leads now: a version, or whatever the link says. Undefined: nowhere. */
  readonly version: string | undefined
  /** Where it led before this run moved it; undefined where it was not moved, or led nowhere. */
  readonly from?: string
  readonly moved: boolean
  /** Told to people where it is not what they would expect. */
  readonly why?: string
}

export function moveCurrent(volume: Volume, order: Order, holder: LockHolder): Promise<CurrentState> {
  return withCurrentLock(volume, holder, async () => {
    const survey = await surveyVolume(volume)
    const state = foretellCurrent(survey, order)
    if (!state.moved || state.version === undefined) return state
    await refuseDamaged(volume, survey, state.version)
    // From now on it is as old as the time since it was current.
    if (survey.current.kind === 'version' && survey.current.there) await markInUse(volume, survey.current.version)
    await pointCurrent(volume, state.version)
    return state
  })
}

/** What `moveCurrent` would make of it. */
export function foretellCurrent(survey: Pick<Survey, 'current' | 'versions' | 'pinned'>, order: Order): CurrentState {
  const from = leadsTo(survey.current)
  const decision = decideCurrent(survey, order)
  if (decision.move !== undefined) return { version: decision.move, moved: true, ...(from !== undefined && { from }) }
  return { version: from, moved: false, ...(decision.why !== undefined && { why: decision.why }) }
}

function leadsTo(current: Current): string | undefined {
  if (current.kind === 'none') return undefined
  return current.kind === 'version' ? current.version : current.target
}

async function refuseDamaged(volume: Volume, { versions }: Survey, version: string): Promise<void> {
  const record = versions.get(version)?.record
  if (record !== undefined && (await isWhole(join(volume.versions, version), record))) return
  throw new LoaderFailure(
    'ForeignFiles',
    `versions/${version} does not hold what was published there, so current is not moved to it`,
    {
      remedy: 'move the directory away; the next run brings it again',
    },
  )
}

/** The link is relative: the volume is mounted elsewhere in every pod. */
async function pointCurrent(volume: Volume, version: string): Promise<void> {
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

/** `newest` lets it follow the newest again. */
export async function pinCurrent(volume: Volume, to: string): Promise<void> {
  if (to === 'newest') await rm(volume.pinned, { force: true })
  else await replaceDurably(volume.own, volume.pinned, `${to}\n`)
}
