/**
 * Layout of the shared volume of `publish`:
 *
 *     current -> versions/1.2.3     for users that name no version; switched by one rename(2) of a new link
 *     versions/1.2.3/…              a published version; appears by one rename(2) of a finished directory onto nothing
 *     .publish/versions/1.2.3.json  its expected content. A directory without it is foreign
 *     .publish/incoming/…           work in progress, in the loader's own layout
 *     .publish/pruned/1.2.3         was removed, and is not published again without a request
 *     .publish/in-use/1.2.3         time when it was last current, or mounted by a pod
 *     .publish/pinned               the version that `current` stays at
 *     .publish/lock-…               the process at work; saves bandwidth, proves nothing
 *     .trash/<time>-1.2.3/          pruned; removed by a later run
 *
 * Everything else is foreign and never touched. Times are those of the volume's own clock.
 */
import { lstat, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { LoaderFailure } from '../loader/exit-codes.ts'
import { hasCode } from '../loader/volume/file-failure.ts'
import { setMode, syncDirectory } from '../loader/volume/directory.ts'

export interface PublishVolume {
  readonly root: string
  readonly versions: string
  readonly current: string
  readonly trash: string
  /** Directory of the publisher's own data; its other paths are below. */
  readonly own: string
  readonly records: string
  readonly incoming: string
  readonly pruned: string
  readonly inUse: string
  readonly pinned: string
}

export function volumeAt(root: string): PublishVolume {
  const own = join(root, '.publish')
  return {
    root,
    own,
    versions: join(root, 'versions'),
    current: join(root, 'current'),
    trash: join(root, '.trash'),
    records: join(own, 'versions'),
    incoming: join(own, 'incoming'),
    pruned: join(own, 'pruned'),
    inUse: join(own, 'in-use'),
    pinned: join(own, 'pinned'),
  }
}

/** Checks before any request or write that the volume is there, and that entries with our names are of our kinds. */
export async function refuseOtherKinds(volume: PublishVolume): Promise<void> {
  if ((await kindOf(volume.root)) !== 'directory') {
    throw new LoaderFailure('NotWritable', `${volume.root} is no directory`, {
      remedy: 'mount the claim there, or correct --volume',
    })
  }
  const expected = [
    [volume.versions, 'directory'],
    [volume.own, 'directory'],
    [volume.trash, 'directory'],
    [volume.records, 'directory'],
    [volume.incoming, 'directory'],
    [volume.pruned, 'directory'],
    [volume.inUse, 'directory'],
    [volume.pinned, 'file'],
    [volume.current, 'link'],
  ] as const
  for (const [path, kind] of expected) {
    const found = await kindOf(path)
    if (found !== undefined && found !== kind) {
      throw new LoaderFailure('ForeignFiles', `${path} is a ${found}, not a ${kind}`, {
        remedy: 'move it away: it was not made by publish',
      })
    }
  }
}

/** Kind of the path itself, not of a link's target; undefined where nothing is. */
export async function kindOf(
  path: string,
): Promise<'directory' | 'link' | 'file' | 'pipe, socket or device' | undefined> {
  try {
    const found = await lstat(path)
    if (found.isDirectory()) return 'directory'
    if (found.isSymbolicLink()) return 'link'
    return found.isFile() ? 'file' : 'pipe, socket or device'
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
}

/** Makes a directory that all can read, independent of the umask; the caller syncs its content. */
async function makeOwnDirectory(parent: string, path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return
    throw error
  }
  await setMode(path, 0o755)
  await syncDirectory(parent)
}

/** Makes the directories, also `.trash`, so that pruning a full volume does not have to make it. */
export async function prepareVolume(volume: PublishVolume): Promise<void> {
  const { root, own } = volume
  for (const path of [volume.versions, own, volume.trash]) await makeOwnDirectory(root, path)
  for (const path of [volume.records, volume.incoming, volume.pruned, volume.inUse]) await makeOwnDirectory(own, path)
}
