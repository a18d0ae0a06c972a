/**
 * Who loads a model where several pods share a volume. It saves bandwidth and nothing else: without it both would load, and
 * the rename would still publish one of them whole. Node has no flock(2); mkdir(2) is atomic on every file system.
 */
import { mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode } from './file-failure.ts'
import type { Layout } from './layout.ts'
import { volumeNowMs } from './volume-clock.ts'

const heartbeatMs = 10_000
const pollMs = 500
/** Six heartbeats missed, by the clock of the volume: a lock is compared with one that we touch ourselves. */
const staleAfterMs = 60_000

export interface Lock {
  release(): Promise<void>
}

/**
 * Waits until this pod is the one that loads, or until `isPublished` says that another has. Undefined: published, or the
 * volume has no room for a lock; how much it lacks is found out by who loads without one.
 */
export async function acquireLock(layout: Layout, podUid: string, isPublished: () => Promise<boolean>, signal: AbortSignal): Promise<Lock | undefined> {
  try {
    return await waitForLock(layout, podUid, isPublished, signal)
  } catch (error) {
    if (!hasCode(error, 'ENOSPC')) throw error
    return undefined
  }
}

async function waitForLock(layout: Layout, podUid: string, isPublished: () => Promise<boolean>, signal: AbortSignal): Promise<Lock | undefined> {
  for (;;) {
    signal.throwIfAborted()
    if (await takeLock(layout.lock, podUid)) return holdLock(layout.lock)
    if (await isPublished()) return undefined
    if (await isStale(layout)) await rm(layout.lock, { recursive: true, force: true })
    else await sleep(pollMs, undefined, { signal })
  }
}

async function takeLock(path: string, podUid: string): Promise<boolean> {
  const owner = join(path, 'owner')
  try {
    await mkdir(path)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
    // A loader that was killed left it behind, and its container was started again.
    return (await readFile(owner, 'utf8').catch(() => '')) === podUid
  }
  await writeFile(owner, podUid).catch(async (error: unknown) => {
    // A lock without an owner would hold up everybody, its maker too.
    await rm(path, { recursive: true, force: true })
    throw error
  })
  return true
}

function holdLock(path: string): Lock {
  const heartbeat = setInterval(() => {
    const now = new Date()
    // A lock that is gone is no reason to stop: it never proved anything.
    utimes(path, now, now).catch(() => undefined)
  }, heartbeatMs)
  heartbeat.unref()
  return {
    release: async () => {
      clearInterval(heartbeat)
      await rm(path, { recursive: true, force: true })
    },
  }
}

async function isStale(layout: Layout): Promise<boolean> {
  const [lock, nowMs] = await Promise.all([stat(layout.lock).catch(() => undefined), volumeNowMs(layout.root)])
  return lock !== undefined && nowMs - lock.mtimeMs > staleAfterMs
}
