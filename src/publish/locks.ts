/**
 * Locks of the volume: the loader's lock with other names. A lock saves bandwidth and keeps two processes from switching
 * `current`; the completeness of a version never depends on it, because every step that counts is one rename(2).
 */
import { join } from 'node:path'
import type { LoaderFailure } from '../loader/exit-codes.ts'
import type { Report } from '../loader/report.ts'
import { acquireLock } from '../loader/volume/lock.ts'
import type { PublishVolume } from './volume.ts'

export interface LockHolder {
  /** Unique per process: two owners of one name would both hold the lock. */
  readonly owner: string
  readonly signal: AbortSignal
  /** Ends the run with this failure, also where it hangs. */
  readonly giveUp: (failure: LoaderFailure) => void
  readonly report: Report
}

/** Undefined if another process published the version meanwhile. */
export function withVersionLock<T>(
  volume: PublishVolume,
  version: string,
  holder: LockHolder,
  {
    isDone,
    work,
  }: {
    readonly isDone: () => Promise<boolean>
    readonly work: () => Promise<T>
  },
): Promise<T | undefined> {
  return withLock({ volume, name: `lock-version-${version}`, isDone }, holder, async () =>
    (await isDone()) ? undefined : await work(),
  )
}

/**
 * Held briefly while `current` is switched, or a version is moved into the trash or out of it. `isHeld` is false where another process
 * has the lock by now, because this one stood still.
 */
export function withCurrentLock<T>(
  volume: PublishVolume,
  holder: LockHolder,
  work: (isHeld: () => Promise<boolean>) => Promise<T>,
): Promise<T> {
  return withLock({ volume, name: 'lock-current', isDone: () => Promise.resolve(false) }, holder, work)
}

interface LockPlace {
  readonly volume: PublishVolume
  readonly name: string
  readonly isDone: () => Promise<boolean>
}

async function withLock<T>(
  { volume, name, isDone }: LockPlace,
  { owner, signal, report }: LockHolder,
  work: (isHeld: () => Promise<boolean>) => Promise<T>,
): Promise<T> {
  const say = (): void => {
    report.info(`waiting for another process of publish (${name})`)
  }
  const lock = await acquireLock(
    { root: volume.own, lock: join(volume.own, name) },
    { podUid: owner, isPublished: isDone, signal, say },
  )
  try {
    return await work(async () => lock === undefined || (await lock.isHeld()))
  } finally {
    await lock?.release()
  }
}
