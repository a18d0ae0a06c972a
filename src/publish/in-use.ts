/** Records when a version was last current or mounted, as the modification time of a file. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PublishVolume } from './volume.ts'

/** Writes the file, because utimes(2) would use the clock of this machine. */
export async function markInUse({ inUse }: PublishVolume, version: string): Promise<void> {
  await writeFile(join(inUse, version), `${version}\n`)
}
