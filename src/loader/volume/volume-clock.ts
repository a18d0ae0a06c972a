/** Reads the clock of the volume: a network file system has its own. */
import { constants } from 'node:fs'
import { timed } from './calls.ts'
import { Directory, usingDirectory } from './directory.ts'

const toMake = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL

export async function volumeNowMs(root: string): Promise<number> {
  return usingDirectory(await Directory.open(root), async (directory) => {
    // A unique name: in its container every loader is process 1.
    const name = `.clock-${crypto.randomUUID()}`
    const probe = await directory.file(name, toMake, 0o600)
    try {
      return (await timed(root, probe.stat())).mtimeMs
    } finally {
      await probe.close()
      await directory.removeFile(name)
    }
  })
}
