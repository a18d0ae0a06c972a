/** Reads the clock of the volume: a network file system has its own. */
import { rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export async function volumeNowMs(root: string): Promise<number> {
  // A unique name: in its container every loader is process 1.
  const probe = join(root, `.clock-${crypto.randomUUID()}`)
  await writeFile(probe, '')
  const { mtimeMs } = await stat(probe)
  await rm(probe)
  return mtimeMs
}
