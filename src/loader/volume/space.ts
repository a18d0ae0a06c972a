/** Checks before the first byte that the model fits. */
import { formatBytes } from '../../values/quantity.ts'
import type { LoadTask } from '../environment.ts'
import { LoaderFailure } from '../exit-codes.ts'
import { counted } from '../format-size.ts'
import { statVolume } from './directory.ts'

/** Returns the check of how many bytes may be listed. `verified` bytes are in staging already. */
export async function measureRoom(task: LoadTask, verified: number): Promise<(listed: number) => void> {
  const { bavail, bsize } = await statVolume(task.root)
  return (listed) => {
    refuseTooLarge(task, { listed, verified, free: bavail * bsize })
  }
}

interface Room {
  readonly listed: number
  readonly verified: number
  readonly free: number
}

function refuseTooLarge(task: LoadTask, { listed, verified, free }: Room): void {
  if (task.sizeBytes !== undefined && listed > task.sizeBytes) {
    throw new LoaderFailure(
      'NoSpace',
      `the model has ${formatBytes(listed)}, its size annotation says ${formatBytes(task.sizeBytes)}`,
      {
        remedy: 'correct the size annotation',
      },
    )
  }
  const needed = listed - verified
  if (needed > free) {
    throw new LoaderFailure(
      'NoSpace',
      `the model needs ${needed} bytes (${formatBytes(needed)}), ${free} (${formatBytes(free)}) are free`,
    )
  }
}

/** The pre-check passed, but the volume is now full: others write to it, or it limits the number of files. */
export async function outOfSpace(
  { root }: LoadTask,
  listed: { readonly files: number; readonly bytes: number },
  cause: unknown,
): Promise<LoaderFailure> {
  const { bavail, bsize, files, ffree } = await statVolume(root)
  const free = bavail * bsize
  // Some file systems have no limit, and report 0 of 0.
  const freeFiles = files === 0 ? '' : ` and ${ffree} more files`
  const needed = `the model needs ${listed.bytes} bytes (${formatBytes(listed.bytes)}) in ${counted(listed.files, 'file')}`
  return new LoaderFailure(
    'NoSpace',
    `the volume became full: ${needed}, ${free} (${formatBytes(free)})${freeFiles} are free`,
    { cause },
  )
}
