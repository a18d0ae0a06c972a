/** Records when a version was last current or mounted, as the modification time of a file. */
import { join } from 'node:path'
import { writeDurably } from '../loader/volume/staging.ts'
import type { PublishVolume } from './volume.ts'

/** Writes the file, because utimes(2) would use the clock of this machine. */
export async function markInUse({ inUse }: PublishVolume, version: string): Promise<void> {
  await writeDurably(join(inUse, version), `${version}\n`)
}
