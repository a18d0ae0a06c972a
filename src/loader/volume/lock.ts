/**
 * Lock that lets one of several pods on a shared volume load a model. It only saves bandwidth: without it all would load, and
 * the rename would still publish one complete model. Node has no flock(2); mkdir(2) is atomic on every file system.
 *
 * The holder shows every second that it lives. One that waits takes over a lock that shows nothing new in several looks, one after
 * the other: no clock counts, neither of the nodes nor of the server. A server or a process that stands still for a while takes the time of
 * one look, whatever its length, so that a holder which stood still with it is not robbed.
 */
import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { printable } from '../../values/print/printable.ts'
import { timed } from './calls.ts'
import { Directory, usingDirectory } from './directory.ts'
import { hasCode } from './file-failure.ts'
import type { Layout } from './layout.ts'

const toMake = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
const ownerName = 'owner'
/** A uid has at most 64 characters. */
const longestOwnerBytes = 256
const beatDigits = 10
const lookEveryMs = 500
const looksPerHeartbeat = 2
/** Six seconds, and six heartbeats: an NFS client that trusts its attribute cache sees each change after three seconds at the latest (acregmin). */
const looksUntilStale = 12
/** Looks between two lines, for a line every half minute. */
const looksPerLine = 60

/** The mount of the volume, or a directory of it that is the publisher's own, and the lock directly below. */
export type LockPlace = Pick<Layout, 'root' | 'lock'>

export interface Lock {
  /** False where another has taken it over since, because this process stood still. */
  isHeld(): Promise<boolean>
  release(): Promise<void>
}

export interface LockRequest {
  readonly podUid: string
  readonly isPublished: () => Promise<boolean>
  readonly signal: AbortSignal
  /** Gets a line with the owner of the lock, at once and every half minute. */
  readonly say: (line: string) => void
  /** Time between two looks at the lock of another, and half of that between two heartbeats of the own one. */
  readonly everyMs?: number
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
  { podUid, isPublished, signal, say, everyMs = lookEveryMs }: LockRequest,
): Promise<Lock | undefined> {
  const holder = new HolderWatch(place)
  let looksUntilLine = 0
  for (;;) {
    signal.throwIfAborted()
    if (await takeLock(place, podUid)) return holdLock(place, podUid, everyMs)
    if (await isPublished()) return undefined
    const { owner, isGone } = await holder.look()
    if (isGone) continue
    // A lock taken at this moment has no owner yet: the next look finds it.
    if (owner !== '' && looksUntilLine-- <= 0) {
      say(`waiting for pod ${printable(owner)}, which loads this model onto the same volume`)
      looksUntilLine = looksPerLine - 1
    }
    await sleep(everyMs, undefined, { signal })
  }
}

/** The state of a lock; each is another as long as its holder lives. */
interface LockState {
  /** Number of the directory: a new lock has another. */
  readonly ino: number
  readonly mtimeMs: number
  readonly text: string
}

/** Looks at the lock of another, and removes it where it does not change any more. */
class HolderWatch {
  readonly #place: LockPlace
  #last: LockState | undefined
  #unchangedLooks = 0

  constructor(place: LockPlace) {
    this.#place = place
  }

  async look(): Promise<{ readonly owner: string; readonly isGone: boolean }> {
    const state = await withLock(this.#place, stateOf)
    this.#unchangedLooks = isDeepStrictEqual(state, this.#last) ? this.#unchangedLooks + 1 : 0
    this.#last = state
    if (state === undefined) return { owner: '', isGone: true }
    const isStale = this.#unchangedLooks >= looksUntilStale
    const isGone = isStale && (await removeLock(this.#place, (found) => isDeepStrictEqual(found, state)))
    return { owner: ownerIn(state.text), isGone }
  }
}

async function takeLock(place: LockPlace, podUid: string): Promise<boolean> {
  // A killed loader leaves its lock, and its restarted container takes it over.
  if (!(await makeLock(place))) return await isOwnedBy(place, podUid)
  try {
    // Another that found the lock of a dead one at the same time may remove the new one while it is empty, and a third make its own.
    return (await withLock(place, (lock) => writeOwner(lock, podUid))) === true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    // A lock without an owner would block all pods for a while, its maker too.
    await removeLock(place, (found) => found.text === '')
    throw error
  }
}

/** True once the name is written; from then on no other loader takes the lock for an empty one. */
async function writeOwner(lock: Directory, podUid: string): Promise<boolean> {
  const file = await lock.file(ownerName, toMake, 0o644)
  try {
    await timed(join(lock.path, ownerName), file.write(textOf(podUid, 0), 0))
    return true
  } finally {
    await file.close()
  }
}

/** False where there is one. */
async function makeLock({ root, lock }: LockPlace): Promise<boolean> {
  return await usingDirectory(await Directory.open(root), (directory) => directory.make(basename(lock)))
}

async function isOwnedBy(place: LockPlace, podUid: string): Promise<boolean> {
  const state = await withLock(place, stateOf)
  return state !== undefined && ownerIn(state.text) === podUid
}

/** The numbers have one length, so that a shorter text never leaves the end of a longer one. */
function textOf(podUid: string, beat: number): string {
  return `${podUid}\n${String(beat).padStart(beatDigits, '0')}\n`
}

/** Empty where none is written yet. */
function ownerIn(text: string): string {
  return text.split('\n', 1)[0] ?? ''
}

/** The file is opened for each look: only then does NFS ask the server whether it has changed. */
async function stateOf(lock: Directory): Promise<LockState> {
  const { ino = 0, mtimeMs = 0 } = (await lock.stat('.')) ?? {}
  try {
    const file = await lock.file(ownerName, constants.O_RDONLY)
    try {
      const written = await timed(lock.path, file.stat())
      return { ino, mtimeMs: written.mtimeMs, text: await readFrom(file, lock.path) }
    } finally {
      await file.close()
    }
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
    return { ino, mtimeMs, text: '' }
  }
}

async function readFrom(file: FileHandle, path: string): Promise<string> {
  const { buffer, bytesRead } = await timed(path, file.read(Buffer.alloc(longestOwnerBytes), 0))
  return buffer.toString('utf8', 0, bytesRead)
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

/**
 * Removes the lock that is meant, and never one that another has made in its place: what is in it is removed by the handle of its
 * directory, and rmdir(2) takes no directory that has an owner in it. True where it was removed.
 */
async function removeLock({ root, lock }: LockPlace, isMeant: (found: LockState) => boolean): Promise<boolean> {
  try {
    return await usingDirectory(await Directory.open(root), async (directory) => {
      const isEmpty = await usingDirectory(await directory.directory(basename(lock)), async (opened) => {
        if (!isMeant(await stateOf(opened))) return false
        for (const { name } of await opened.entries()) await opened.remove(name)
        return true
      })
      if (isEmpty) await directory.removeEmpty(basename(lock))
      return isEmpty
    })
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST')) return false
    throw error
  }
}

/** Shows other pods that the owner is alive, until the lock is released or another has it. */
export function holdLock(place: LockPlace, podUid: string, everyMs = lookEveryMs): Lock {
  let beats = 0
  let isBeating = false
  const beat = async (): Promise<void> => {
    if (isBeating) return
    isBeating = true
    try {
      if ((await showLife(place, podUid, ++beats)) !== true) clearInterval(heartbeat)
    } catch {
      // The lock only saves bandwidth: the work goes on without it.
    } finally {
      isBeating = false
    }
  }
  const heartbeat = setInterval(() => void beat(), everyMs * looksPerHeartbeat).unref()
  return {
    isHeld: () => isOwnedBy(place, podUid),
    release: async () => {
      clearInterval(heartbeat)
      // One that stays is taken over as stale.
      await removeLock(place, (found) => ownerIn(found.text) === podUid).catch(() => undefined)
    },
  }
}

/** Not true where the lock is gone, or another's by now. In place, so that the file is never empty. */
async function showLife(place: LockPlace, podUid: string, beats: number): Promise<boolean | undefined> {
  return await withLock(place, async (lock) => {
    const path = join(lock.path, ownerName)
    const file = await lock.file(ownerName, constants.O_RDWR)
    try {
      if (ownerIn(await readFrom(file, path)) !== podUid) return false
      await timed(path, file.write(textOf(podUid, beats), 0))
      return true
    } finally {
      await file.close()
    }
  })
}
