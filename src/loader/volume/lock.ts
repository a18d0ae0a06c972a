/**
 * Who loads a model where several pods share a volume. It saves bandwidth and nothing else: without it both would load, and
 * the rename would still publish one of them whole. Node has no flock(2); mkdir(2) is atomic on every file system.
 */
import { mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode } from './file-failure.ts'
import type { Layout } from './layout.ts'

const heartbeatMs = 10_000
const pollMs = 500
/** Six heartbeats missed, by the clock of the volume: a lock is compared with one that we touch ourselves. */
const staleAfterMs = 60_000

export interface Lock {
  release(): Promise<void>
}

/**
 * Waits until this pod is the one that loads, or until `isPublished` says that another has. Undefined: published, or the
 * other one makes no progress and waiting for it is no use.
 */
export async function acquireLock(layout: Layout, podUid: string, isPublished: () => Promise<boolean>, signal: AbortSignal): Promise<Lock | undefined> {
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
    await writeFile(owner, podUid)
    return true
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
    // A loader that was killed left it behind, and its container was started again.
    return (await readFile(owner, 'utf8').catch(() => '')) === podUid
  }
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
  const probe = `${layout.lock}.probe-${process.pid}`
  await writeFile(probe, '')
  const [lock, now] = await Promise.all([stat(layout.lock).catch(() => undefined), stat(probe)])
  await rm(probe)
  return lock !== undefined && now.mtimeMs - lock.mtimeMs > staleAfterMs
}
