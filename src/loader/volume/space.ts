/** Whether the model fits, asked before the first byte. */
import { statfs } from 'node:fs/promises'
import { formatBytes } from '../../values/quantity.ts'
import type { LoadTask } from '../environment.ts'
import { LoaderFailure } from '../exit-codes.ts'

/** `verified` bytes are in staging already. */
export async function refuseTooLarge(task: LoadTask, listed: number, verified: number): Promise<void> {
  if (task.sizeBytes !== undefined && listed > task.sizeBytes) {
    throw new LoaderFailure('NoSpace', `the model has ${formatBytes(listed)}, its size annotation says ${formatBytes(task.sizeBytes)}`, {
      remedy: 'correct the size annotation',
    })
  }
  const { bavail, bsize } = await statfs(task.root)
  const [needed, free] = [listed - verified, bavail * bsize]
  if (needed > free) {
    throw new LoaderFailure('NoSpace', `the model needs ${needed} bytes (${formatBytes(needed)}), ${free} (${formatBytes(free)}) are free`)
  }
}
