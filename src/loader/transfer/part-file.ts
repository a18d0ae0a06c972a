/** The staging files that a thread writes: parts of one file share a descriptor while any of them is in progress. */
import { closeSync, constants, fchmodSync, fdatasync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { HeldDirectories } from '../volume/held-directories.ts'
import { fileError, foreignFile } from './transfer-error.ts'

export interface PartFile {
  write(piece: Uint8Array, position: number): void
  sync(): Promise<void>
  close(): void
}

interface OpenFile {
  readonly descriptor: number
  users: number
}

interface OpenOptions {
  readonly file: string
  readonly key: string
  /** True for a file of a single part. */
  readonly truncate: boolean
}

const syncData = promisify(fdatasync)
/** Links are never followed, and no other end of a pipe is waited for: the loader alone writes the staging directory. */
const toWrite = constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
const toMake = toWrite | constants.O_CREAT | constants.O_EXCL

export interface PartFiles {
  open(options: OpenOptions): PartFile
  close(): void
}

/** With `root`, the mount of a volume, files are found below the handles of their directories, and have to be regular ones. */
export function partFiles(mode: number, root: string | undefined): PartFiles {
  const files = new Map<string, OpenFile>()
  const directories = root === undefined ? undefined : new HeldDirectories(root)

  function openShared(file: string, truncate: boolean): OpenFile {
    const known = files.get(file)
    if (known !== undefined) return known
    const opened = { descriptor: openWithMode(directories?.pathOf(file) ?? file, truncate), users: 0 }
    files.set(file, opened)
    return opened
  }

  /** The process's umask must not decide who can read the model. */
  function openWithMode(path: string, truncate: boolean): number {
    const descriptor = openOwn(path, truncate)
    try {
      fchmodSync(descriptor, mode)
    } catch {
      // Volumes whose modes are fixed by their mount (SMB, some CSI drivers) refuse it and do not need it.
    }
    return descriptor
  }

  /** A file that is there already may be a hard link to one of another model: nothing is cut off before that is known. */
  function openOwn(path: string, truncate: boolean): number {
    try {
      return openSync(path, toMake, mode)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const descriptor = openSync(path, toWrite)
    if (root !== undefined) refuseForeign(descriptor)
    if (truncate) ftruncateSync(descriptor)
    return descriptor
  }

  function release(file: string, shared: OpenFile): void {
    if (--shared.users > 0) return
    files.delete(file)
    closeSync(shared.descriptor)
  }

  return {
    open: ({ file, key, truncate }) => {
      const named = <T>(action: () => T): T => naming(key, file, action)
      const shared = named(() => openShared(file, truncate))
      shared.users++
      return {
        write: (piece, position) => {
          named(() => {
            writeAll(shared.descriptor, piece, position)
          })
        },
        sync: () =>
          syncData(shared.descriptor).catch((error: unknown) => {
            throw fileError(error, key, file) as Error
          }),
        close: () => {
          named(() => {
            release(file, shared)
          })
        },
      }
    },
    close: () => directories?.close(),
  }
}

function refuseForeign(descriptor: number): void {
  const found = fstatSync(descriptor)
  if (found.isFile() && found.nlink === 1) return
  closeSync(descriptor)
  throw foreignFile(found.isFile() ? 'has another name, too' : 'is no regular file')
}

function writeAll(descriptor: number, piece: Uint8Array, position: number): void {
  let written = 0
  while (written < piece.length) {
    written += writeSync(descriptor, piece, written, piece.length - written, position + written)
  }
}

function naming<T>(key: string, file: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw fileError(error, key, file)
  }
}
