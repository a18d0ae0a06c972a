/**
 * Lock that lets one of several pods on a shared volume load a model. It only saves bandwidth: without it all would load, and
 * the rename would still publish one complete model. Node has no flock(2); mkdir(2) is atomic on every file system.
 */
import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { printable } from '../../values/printable.ts'
import { timed } from './calls.ts'
import { Directory, usingDirectory } from './directory.ts'
import { hasCode } from './file-failure.ts'
import type { Layout } from './layout.ts'
import { volumeNowMs } from './volume-clock.ts'

const toMake = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
const ownerName = 'owner'
/** A uid has at most 64 characters. */
const longestOwnerBytes = 256
const heartbeatMs = 2000
const pollMs = 500
/** Polls between two lines, for a line every half minute. */
const looksPerLine = 60
/** Ten missed heartbeats, by the clock of the volume. A lock that is taken from a loader that lives costs bandwidth alone. */
const staleAfterMs = 20_000

/** The mount of the volume, or a directory of it that is the publisher's own, and the lock directly below. */
export type LockPlace = Pick<Layout, 'root' | 'lock'>

export interface Lock {
  release(): Promise<void>
}

export interface LockRequest {
  readonly podUid: string
  readonly isPublished: () => Promise<boolean>
  readonly signal: AbortSignal
  /** Gets a line with the owner of the lock, at once and every half minute. */
  readonly say: (line: string) => void
}

/**
 * Waits until this pod has the lock, or until `isPublished` is true. Undefined if published, or if the volume has no room for a
 * lock; then loading without one reports how much space is missing.
 */
export async function acquireLock(place: LockPlace, request: LockRequest): Promise<Lock | undefined> {
  try {
    return await waitForLock(place, request)
  } catch (error) {
    if (!hasCode(error, 'ENOSPC')) throw error
    return undefined
  }
}

async function waitForLock(
  place: LockPlace,
  { podUid, isPublished, signal, say }: LockRequest,
): Promise<Lock | undefined> {
  let looksUntilLine = 0
  for (;;) {
    signal.throwIfAborted()
    if (await takeLock(place, podUid)) return holdLock(place, podUid)
    if (await isPublished()) return undefined
    if (await isStale(place)) await removeLock(place)
    else {
      const owner = await ownerOf(place)
      // A lock taken at this moment has no owner yet: the next poll finds it.
      if (owner !== '' && looksUntilLine-- <= 0) {
        say(`waiting for pod ${printable(owner)}, which loads this model onto the same volume`)
        looksUntilLine = looksPerLine - 1
      }
      await sleep(pollMs, undefined, { signal })
    }
  }
}

async function takeLock(place: LockPlace, podUid: string): Promise<boolean> {
  if (!(await makeLock(place))) {
    // A killed loader leaves its lock, and its restarted container takes it over.
    return (await ownerOf(place)) === podUid
  }
  try {
    await withLock(place, (lock) => writeOwner(lock, podUid))
  } catch (error) {
    // A lock without an owner would block all pods, its maker too.
    await removeLock(place)
    throw error
  }
  return true
}

/** False where there is one. */
async function makeLock({ root, lock }: LockPlace): Promise<boolean> {
  return await usingDirectory(await Directory.open(root), (directory) => directory.make(basename(lock)))
}

async function writeOwner(lock: Directory, podUid: string): Promise<void> {
  await writeTo(await lock.file(ownerName, toMake, 0o644), join(lock.path, ownerName), podUid)
}

/** Empty if the lock is gone, or the owner not written yet. */
async function ownerOf(place: LockPlace): Promise<string> {
  const owner = await withLock(place, async (lock) => {
    const file = await lock.file(ownerName, constants.O_RDONLY)
    try {
      const { buffer, bytesRead } = await timed(lock.path, file.read(Buffer.alloc(longestOwnerBytes), 0))
      return buffer.toString('utf8', 0, bytesRead)
    } finally {
      await file.close()
    }
  })
  return owner ?? ''
}

/** Undefined where the lock, or what is looked for in it, is gone. Throws a LoaderFailure where it is no directory. */
async function withLock<T>({ root, lock }: LockPlace, action: (lock: Directory) => Promise<T>): Promise<T | undefined> {
  try {
    return await usingDirectory(await Directory.open(root), async (directory) =>
      usingDirectory(await directory.directory(basename(lock)), action),
    )
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Does nothing where the lock is gone already, or somebody else's by now. */
async function removeLock({ root, lock }: LockPlace): Promise<void> {
  await usingDirectory(await Directory.open(root), (directory) => directory.remove(basename(lock))).catch(
    (error: unknown) => {
      if (!hasCode(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST')) throw error
    },
  )
}

/** Shows other pods that the owner is alive, until the lock is released. */
export function holdLock(place: LockPlace, podUid: string, everyMs = heartbeatMs): Lock {
  // A missing lock is no reason to stop: it only saves bandwidth.
  const heartbeat = setInterval(() => {
    beat(place, podUid).catch(() => undefined)
  }, everyMs).unref()
  return {
    release: async () => {
      clearInterval(heartbeat)
      // One that stays is taken over as stale.
      await removeLock(place).catch(() => undefined)
    },
  }
}

/** A write is dated by the clock of the volume, unlike utimes(2). In place, so that the file is never empty. */
async function beat(place: LockPlace, podUid: string): Promise<void> {
  await withLock(place, async (lock) => {
    await writeTo(await lock.file(ownerName, constants.O_WRONLY), join(lock.path, ownerName), podUid)
  })
}

async function writeTo(file: FileHandle, path: string, text: string): Promise<void> {
  try {
    await timed(path, file.write(text, 0))
  } finally {
    await file.close()
  }
}

async function isStale(place: LockPlace): Promise<boolean> {
  const latestMs = await withLock(place, async (lock) =>
    Math.max(...(await Promise.all(['.', ownerName].map(async (name) => (await lock.stat(name))?.mtimeMs ?? 0)))),
  )
  // Without a lock it was just released.
  return latestMs !== undefined && (await volumeNowMs(place.root)) - latestMs > staleAfterMs
}
