/**
 * Lock that lets one of several pods on a shared volume load a model. It only saves bandwidth: without it all would load, and
 * the rename would still publish one complete model. Node has no flock(2); mkdir(2) is atomic on every file system.
 */
import { mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode } from './file-failure.ts'
import type { Layout } from './layout.ts'
import { volumeNowMs } from './volume-clock.ts'

const heartbeatMs = 10_000
const pollMs = 500
/** Polls between two lines, for a line every half minute. */
const looksPerLine = 60
/** Six missed heartbeats, by the clock of the volume. */
const staleAfterMs = 60_000

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
export async function acquireLock(
  layout: Pick<Layout, 'root' | 'lock'>,
  request: LockRequest,
): Promise<Lock | undefined> {
  try {
    return await waitForLock(layout, request)
  } catch (error) {
    if (!hasCode(error, 'ENOSPC')) throw error
    return undefined
  }
}

async function waitForLock(
  layout: Pick<Layout, 'root' | 'lock'>,
  { podUid, isPublished, signal, say }: LockRequest,
): Promise<Lock | undefined> {
  let looksUntilLine = 0
  for (;;) {
    signal.throwIfAborted()
    if (await takeLock(layout.lock, podUid)) return holdLock(layout.lock, podUid)
    if (await isPublished()) return undefined
    if (await isStale(layout)) await rm(layout.lock, { recursive: true, force: true })
    else {
      const owner = await readOwner(layout.lock)
      // A lock taken at this moment has no owner yet: the next poll finds it.
      if (owner !== '' && looksUntilLine-- <= 0) {
        say(`waiting for pod ${owner}, which loads this model onto the same volume`)
        looksUntilLine = looksPerLine - 1
      }
      await sleep(pollMs, undefined, { signal })
    }
  }
}

async function takeLock(path: string, podUid: string): Promise<boolean> {
  try {
    await mkdir(path)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
    // A killed loader leaves its lock, and its restarted container takes it over.
    return (await readOwner(path)) === podUid
  }
  await writeFile(ownerOf(path), podUid).catch(async (error: unknown) => {
    // A lock without an owner would block all pods, its maker too.
    await rm(path, { recursive: true, force: true })
    throw error
  })
  return true
}

/** Empty if the lock is gone, or the owner not written yet. */
function readOwner(path: string): Promise<string> {
  return readFile(ownerOf(path), 'utf8').catch(() => '')
}

function ownerOf(path: string): string {
  return join(path, 'owner')
}

/** Shows other pods that the owner is alive, until the lock is released. */
export function holdLock(path: string, podUid: string, everyMs = heartbeatMs): Lock {
  // A missing lock is no reason to stop: it only saves bandwidth.
  const heartbeat = setInterval(() => {
    beat(path, podUid).catch(() => undefined)
  }, everyMs).unref()
  return {
    release: async () => {
      clearInterval(heartbeat)
      await rm(path, { recursive: true, force: true })
    },
  }
}

/** A write is dated by the clock of the volume, unlike utimes(2). In place, so that the file is never empty. */
async function beat(path: string, podUid: string): Promise<void> {
  const owner = await open(ownerOf(path), 'r+')
  try {
    await owner.write(podUid, 0)
  } finally {
    await owner.close()
  }
}

async function isStale({ root, lock }: Pick<Layout, 'root' | 'lock'>): Promise<boolean> {
  const touched = await Promise.all(
    [lock, ownerOf(lock)].map((path) =>
      stat(path).then(
        ({ mtimeMs }) => mtimeMs,
        () => undefined,
      ),
    ),
  )
  const latest = Math.max(...touched.filter((mtimeMs) => mtimeMs !== undefined))
  // Without any timestamp the lock was just released.
  return Number.isFinite(latest) && (await volumeNowMs(root)) - latest > staleAfterMs
}
