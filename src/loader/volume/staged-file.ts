/** Opens files that were just written: on a shared volume they may be gone or replaced. */
import { open, type FileHandle } from 'node:fs/promises'
import { LoaderFailure } from '../exit-codes.ts'
import { timed } from './calls.ts'
import { safeFlags } from './directory.ts'
import { hasCode } from './file-failure.ts'

/** Errors for a missing or foreign file; those of a broken disk are not among them. */
const notReadable = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EACCES', 'EPERM']

/** Undefined where there is no readable file; the opened entry may still be something other than a file. */
export async function openIfReadable(file: string): Promise<FileHandle | undefined> {
  try {
    return await timed(file, open(file, safeFlags))
  } catch (error) {
    if (hasCode(error, ...notReadable)) return undefined
    throw error
  }
}

/** Throws a LoaderFailure where a written file is gone. */
export async function openStaged(file: string): Promise<FileHandle> {
  const handle = await openIfReadable(file)
  if (handle === undefined) throw changedBeneath(`${file} is gone`)
  return handle
}

export function changedBeneath(what: string): LoaderFailure {
  return new LoaderFailure('VerificationFailed', what, {
    remedy: 'it is loaded again; see what else writes to the volume',
  })
}
