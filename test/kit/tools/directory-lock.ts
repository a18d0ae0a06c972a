import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { waitFor } from './wait-for.ts'

export interface LockWait {
  readonly timeoutSeconds: number
  /** Called once, where the lock is taken; undefined means that the owner has just ended. */
  readonly onWait: (pid: number | undefined) => void
}

/**
 * The lock is a directory with one file named after its owner. It appears by a rename, owner file included, so no process
 * ever sees it without one; a rename onto it succeeds only when it is empty. A process that finds a dead owner removes that one
 * file by its unique name: two that find it at once cannot remove each other's new lock.
 */
export async function withLock(directory: string, wait: LockWait, action: () => Promise<void>): Promise<void> {
  const lock = join(directory, 'lock')
  const owner = `${process.pid}-${randomUUID()}`
  await waitForLock(lock, owner, wait)
  try {
    await action()
  } finally {
    await rm(join(lock, owner), { force: true })
    // Not empty means that the next one has it already.
    await rmdir(lock).catch(() => undefined)
  }
}

async function waitForLock(lock: string, owner: string, { timeoutSeconds, onWait }: LockWait): Promise<void> {
  if (await tryLock(lock, owner)) return
  onWait(await ownerPid(lock))
  await waitFor(
    `the lock ${lock} (remove it when no build is running)`,
    async () => (await tryLock(lock, owner)) || undefined,
    { timeoutSeconds },
  )
}

async function tryLock(lock: string, owner: string): Promise<boolean> {
  await removeDeadOwner(lock)
  if ((await ownersOf(lock)).length > 0) return false
  const candidate = `${lock}.${owner}`
  await mkdir(candidate)
  await writeFile(join(candidate, owner), '')
  try {
    await rename(candidate, lock)
    return true
  } catch (error) {
    await rm(candidate, { recursive: true })
    if (isErrorWithCode(error, 'ENOTEMPTY') || isErrorWithCode(error, 'EEXIST')) return false
    throw error
  }
}

async function removeDeadOwner(lock: string): Promise<void> {
  for (const owner of await ownersOf(lock)) {
    if (!isAlive(pidOf(owner))) await rm(join(lock, owner), { force: true })
  }
}

async function ownerPid(lock: string): Promise<number | undefined> {
  return (await ownersOf(lock)).map(pidOf)[0]
}

async function ownersOf(lock: string): Promise<string[]> {
  try {
    return await readdir(lock)
  } catch (error) {
    if (isErrorWithCode(error, 'ENOENT')) return []
    throw error
  }
}

function pidOf(owner: string): number {
  return Number.parseInt(owner, 10)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return isErrorWithCode(error, 'EPERM')
  }
}

function isErrorWithCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
