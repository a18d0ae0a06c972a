/** Makes directories durable, with their modes, and never through links. */
import { lstat, mkdir, open, rm } from 'node:fs/promises'
import { hasCode } from './file-failure.ts'

/** Makes the directory. Anything else of that name is removed, and never followed. */
export async function ownDirectory(path: string): Promise<void> {
  const kind = await kindOf(path)
  if (kind === 'directory') return
  if (kind !== undefined) await rm(path)
  await mkdir(path, { recursive: true })
}

/** Removes an entry that is no regular file. */
export async function ownFile(path: string): Promise<void> {
  const kind = await kindOf(path)
  if (kind !== undefined && kind !== 'file') await rm(path, { recursive: true })
}

/** Kind of the entry itself, not of a link's target. */
async function kindOf(path: string): Promise<'directory' | 'file' | 'other' | undefined> {
  try {
    const found = await lstat(path)
    return found.isDirectory() ? 'directory' : found.isFile() ? 'file' : 'other'
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** Sets the mode with chmod, because the umask of the process must not decide who can read the model. */
export async function setMode(path: string, mode: number): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.chmod(mode)
  } finally {
    await directory.close()
  }
}
