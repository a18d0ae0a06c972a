/**
 * Who loads a model where several pods share a volume. It saves bandwidth and nothing else: without it both would load, and
 * the rename would still publish one of them whole. Node has no flock(2); mkdir(2) is atomic on every file system.
 */
import { mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode } from './file-failure.ts'
import type { Layout } from './layout.ts'
import { volumeNowMs } from './volume-clock.ts'

const heartbeatMs = 10_000
const pollMs = 500
/** A line every half minute. */
const looksPerLine = 60
/** Six heartbeats missed, by the clock of the volume. */
const staleAfterMs = 60_000

export interface Lock {
  release(): Promise<void>
}

export interface LockRequest {
  readonly podUid: string
  readonly isPublished: () => Promise<boolean>
  readonly signal: AbortSignal
  /** Is told whom this pod waits for, at once and every so often. */
  readonly say: (line: string) => void
}

/**
 * Waits until this pod is the one that loads, or until `isPublished` says that another has. Undefined: published, or the
 * volume has no room for a lock; how much it lacks is found out by who loads without one.
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
      // A lock that was taken in this moment has no owner yet: the next look finds it.
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
    // A loader that was killed left it behind, and its container was started again.
    return (await readOwner(path)) === podUid
  }
  await writeFile(ownerOf(path), podUid).catch(async (error: unknown) => {
    // A lock without an owner would hold up everybody, its maker too.
    await rm(path, { recursive: true, force: true })
    throw error
  })
  return true
}

/** Empty where it is gone, or not written yet. */
function readOwner(path: string): Promise<string> {
  return readFile(ownerOf(path), 'utf8').catch(() => '')
}

function ownerOf(path: string): string {
  return join(path, 'owner')
}

/** Shows others until its release that the owner is alive. */
export function holdLock(path: string, podUid: string, everyMs = heartbeatMs): Lock {
  // A lock that is gone is no reason to stop: it never proved anything.
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

/** A write is dated by the clock of the volume; utimes(2) would date it by that of this node. In its place, so that nobody finds it empty. */
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
  // Nobody has it any more, where there is nothing.
  return Number.isFinite(latest) && (await volumeNowMs(root)) - latest > staleAfterMs
}
