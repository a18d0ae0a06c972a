/** Reading what was just written: on a volume that others write to it may be gone, or somebody else's. */
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { LoaderFailure } from '../exit-codes.ts'
import { hasCode } from './file-failure.ts'

/** The last part of the path is no link, and a pipe has no writer that would be waited for. */
const toRead = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
/** Nothing that could be read is there. What a broken disk says is none of these. */
const notReadable = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EACCES', 'EPERM']

/** Undefined where there is no file of ours; what was opened may be another thing than a file all the same. */
export async function openIfReadable(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, toRead)
  } catch (error) {
    if (hasCode(error, ...notReadable)) return undefined
    throw error
  }
}

/** Throws a LoaderFailure where a file that was written is not there any more. */
export async function openStaged(file: string): Promise<FileHandle> {
  const handle = await openIfReadable(file)
  if (handle === undefined) throw changedBeneath(`${file} is not there any more`)
  return handle
}

export function changedBeneath(what: string): LoaderFailure {
  return new LoaderFailure('VerificationFailed', what, {
    remedy: 'it is loaded again; see what else writes to the volume',
  })
}
