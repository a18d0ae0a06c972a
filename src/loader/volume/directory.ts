/** Directories as they have to be: durable, with their modes, and no links to somewhere else. */
import { lstat, mkdir, open, rm } from 'node:fs/promises'
import { hasCode } from './file-failure.ts'

/** Makes the directory. What else has its name is removed, and never followed. */
export async function ownDirectory(path: string): Promise<void> {
  const kind = await kindOf(path)
  if (kind === 'directory') return
  if (kind !== undefined) await rm(path)
  await mkdir(path, { recursive: true })
}

/** Removes what is no regular file. */
export async function ownFile(path: string): Promise<void> {
  const kind = await kindOf(path)
  if (kind !== undefined && kind !== 'file') await rm(path, { recursive: true })
}

/** Of the entry itself, not of what a link leads to. */
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

/** The umask of whoever started us has no say in who can read the model. */
export async function setMode(path: string, mode: number): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.chmod(mode)
  } finally {
    await directory.close()
  }
}
