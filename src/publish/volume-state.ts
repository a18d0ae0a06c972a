/** Reads the state of the volume. */
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { readOwnFile } from '../loader/volume/directory.ts'
import { hasCode } from '../loader/volume/file-failure.ts'
import { readRecord, recordPath, type VersionRecord } from './record.ts'
import { isVersionName } from './version-name.ts'
import { kindOf, type PublishVolume } from './volume.ts'

export type Current =
  | { readonly kind: 'none' }
  /** `there` is true if the directory exists. */
  | { readonly kind: 'version'; readonly version: string; readonly there: boolean }
  /** A link to anything else. */
  | { readonly kind: 'foreign'; readonly target: string }

export interface HeldVersion {
  readonly version: string
  /** Undefined for a foreign directory. */
  readonly record: VersionRecord | undefined
  /** Time of publishing, by the volume's clock; undefined without a record. */
  readonly publishedMs: number | undefined
  /** Time when it was last seen current or mounted; undefined if never. */
  readonly inUseMs: number | undefined
}

export interface TrashedVersion {
  readonly version: string
  /** Name of its directory in .trash. */
  readonly name: string
  readonly trashedMs: number
}

export interface VolumeState {
  readonly current: Current
  readonly versions: ReadonlyMap<string, HeldVersion>
  readonly trash: readonly TrashedVersion[]
  /** Versions that were removed, or are in the trash. */
  readonly pruned: ReadonlySet<string>
  readonly pinned: string | undefined
}

export async function readVolumeState(volume: PublishVolume): Promise<VolumeState> {
  const versions = new Map<string, HeldVersion>()
  for (const version of await versionsIn(volume.versions)) versions.set(version, await describeHeld(volume, version))
  const trash = await readTrash(volume)
  const tombstones = (await namesIn(volume.pruned)).filter(isVersionName)
  return {
    versions,
    trash,
    pruned: new Set(
      [...tombstones, ...trash.map(({ version }) => version)].filter((version) => !versions.has(version)),
    ),
    current: await readCurrent(volume),
    pinned: await readPinned(volume),
  }
}

/** Lists directories that are not empty: the kubelet makes an empty one for a missing subPath. */
async function versionsIn(directory: string): Promise<readonly string[]> {
  const found: string[] = []
  for (const name of (await namesIn(directory)).filter(isVersionName)) {
    const path = join(directory, name)
    if ((await kindOf(path)) === 'directory' && (await readdir(path)).length > 0) found.push(name)
  }
  return found
}

async function describeHeld(volume: PublishVolume, version: string): Promise<HeldVersion> {
  const record = await readRecord(volume, version)
  const publishedMs = record === undefined ? undefined : await modifiedMs(recordPath(volume, version))
  return { version, record, publishedMs, inUseMs: await modifiedMs(join(volume.inUse, version)) }
}

async function readCurrent(volume: PublishVolume): Promise<Current> {
  const target = await readlink(volume.current).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  })
  if (target === undefined) return { kind: 'none' }
  const version = /^(?:\.\/)?versions\/([^/]+)\/?$/.exec(target)?.[1]
  if (version === undefined || !isVersionName(version)) return { kind: 'foreign', target }
  return { kind: 'version', version, there: (await kindOf(join(volume.versions, version))) === 'directory' }
}

async function readPinned({ pinned }: PublishVolume): Promise<string | undefined> {
  const text = await readOwnFile(pinned).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return ''
    throw error
  })
  return text.trim() === '' ? undefined : text.trim()
}

/** Ignores other names in .trash: they are foreign, or being removed. */
async function readTrash({ trash }: PublishVolume): Promise<readonly TrashedVersion[]> {
  return (await namesIn(trash)).flatMap((name) => {
    const [, trashedMs, version = ''] = /^(\d{1,15})-(.+)$/.exec(name) ?? []
    return trashedMs === undefined || !isVersionName(version) ? [] : [{ version, name, trashedMs: Number(trashedMs) }]
  })
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).sort()
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}

async function modifiedMs(path: string): Promise<number | undefined> {
  try {
    return (await lstat(path)).mtimeMs
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}
