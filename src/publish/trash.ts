/**
 * The trash of pruned versions. A move into the trash is one rename(2), invisible to pods that have the directory mounted. A
 * version is renamed before its removal, so that nothing half removed is ever restored.
 */
import { readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '../loader/volume/file-failure.ts'
import { syncDirectory } from '../loader/volume/directory.ts'
import { writeDurably } from '../loader/volume/staging.ts'
import { removeRecord } from './record.ts'
import type { TrashedVersion } from './volume-state.ts'
import type { PublishVolume } from './volume.ts'

const removingPrefix = 'removing-'

export async function moveToTrash(volume: PublishVolume, version: string, nowMs: number): Promise<void> {
  await rename(join(volume.versions, version), join(volume.trash, `${Math.floor(nowMs)}-${version}`))
  await syncDirectory(volume.trash)
  await syncDirectory(volume.versions)
}

/** False if its place is taken. An empty directory, which the kubelet makes for a missing subPath, is replaced by the rename. */
export async function restoreFromTrash(volume: PublishVolume, { version, name }: TrashedVersion): Promise<boolean> {
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

/** The version is neither restored nor published again without a request. `emptyTrash` removes its bytes. */
export async function markForRemoval(volume: PublishVolume, { version, name }: TrashedVersion): Promise<void> {
  await writeDurably(join(volume.pruned, version), `${version}\n`)
  await rename(join(volume.trash, name), join(volume.trash, `${removingPrefix}${name}`))
  await removeRecord(volume, version)
  await rm(join(volume.inUse, version), { force: true })
  await syncDirectory(volume.pruned)
}

/** Removes marked versions, also those of an interrupted run. */
export async function emptyTrash({ trash }: PublishVolume): Promise<void> {
  for (const name of await readdir(trash)) {
    if (name.startsWith(removingPrefix)) await rm(join(trash, name), { recursive: true, force: true })
  }
}
