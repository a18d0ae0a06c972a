/**
 * Pruned versions. A move into the trash is one rename(2), which pods that have the directory mounted do not notice; what is taken
 * out of it gets another name first, so that nothing half removed is ever put back.
 */
import { readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '../loader/volume/file-failure.ts'
import { syncDirectory } from '../loader/volume/directory.ts'
import { writeDurably } from '../loader/volume/staging.ts'
import { removeRecord } from './record.ts'
import type { TrashedVersion } from './survey.ts'
import type { Volume } from './volume.ts'

const goingPrefix = 'removing-'

export async function moveToTrash(volume: Volume, version: string, nowMs: number): Promise<void> {
  await rename(join(volume.versions, version), join(volume.trash, `${Math.floor(nowMs)}-${version}`))
  await syncDirectory(volume.trash)
  await syncDirectory(volume.versions)
}

/** False: something stands in its place. The kubelet makes an empty directory for a subPath that is gone, which the rename replaces. */
export async function restoreFromTrash(volume: Volume, { version, name }: TrashedVersion): Promise<boolean> {
  try {
    await rename(join(volume.trash, name), join(volume.versions, version))
  } catch (error) {
    if (hasCode(error, 'ENOTEMPTY', 'EEXIST', 'ENOTDIR')) return false
    throw error
  }
  await syncDirectory(volume.versions)
  await syncDirectory(volume.trash)
  return true
}

/** From now on it is neither restored nor brought again, unless told. The bytes go with `emptyTrash`. */
export async function condemn(volume: Volume, { version, name }: TrashedVersion): Promise<void> {
  await writeDurably(join(volume.pruned, version), `${version}\n`)
  await rename(join(volume.trash, name), join(volume.trash, `${goingPrefix}${name}`))
  await removeRecord(volume, version)
  await rm(join(volume.inUse, version), { force: true })
  await syncDirectory(volume.pruned)
}

/** Also what a run that was ended in the middle left. */
export async function emptyTrash({ trash }: Volume): Promise<void> {
  for (const name of await readdir(trash)) {
    if (name.startsWith(goingPrefix)) await rm(join(trash, name), { recursive: true, force: true })
  }
}
