/** The staging files that a thread writes: parts of one file share a descriptor while any of them is in progress. */
import { closeSync, constants, fchmodSync, fdatasync, openSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { fileError } from './transfer-error.ts'

export interface PartFile {
  write(piece: Uint8Array, position: number): void
  sync(): Promise<void>
  close(): void
}

interface OpenFile {
  readonly descriptor: number
  users: number
}

export interface OpenOptions {
  readonly file: string
  readonly key: string
  /** True for a file of a single part. */
  readonly truncate: boolean
}

const syncData = promisify(fdatasync)
/** Links are never followed: the loader alone writes the staging directory, and it makes none. */
const toWrite = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW

export function partFiles(mode: number): { open(options: OpenOptions): PartFile } {
  const files = new Map<string, OpenFile>()

  function openShared(file: string, truncate: boolean): OpenFile {
    const known = files.get(file)
    if (known !== undefined) return known
    const opened = { descriptor: openWithMode(file, truncate ? toWrite | constants.O_TRUNC : toWrite, mode), users: 0 }
    files.set(file, opened)
    return opened
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
  }
}

/** The process's umask must not decide who can read the model. */
function openWithMode(file: string, flags: number, mode: number): number {
  const descriptor = openSync(file, flags, mode)
  try {
    fchmodSync(descriptor, mode)
  } catch {
    // Volumes whose modes are fixed by their mount (SMB, some CSI drivers) refuse it and do not need it.
  }
  return descriptor
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
