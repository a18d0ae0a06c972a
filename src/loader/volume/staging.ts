/** The staging directory of one pod on the volume. */
import { constants } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { LoadTask } from '../environment.ts'
import type { ModelObject } from '../listing.ts'
import { ownDirectory, ownFile, setMode, syncDirectory } from './directory.ts'
import { bytesOf, findVerified, type EvidenceOptions, type VerifiedParts } from './evidence.ts'
import { hasCode } from './file-failure.ts'
import { Journal, readJournal } from './journal.ts'
import { modesOf, stagingPattern, type Layout } from './layout.ts'
import type { Marker } from './published.ts'
import { volumeNowMs } from './volume-clock.ts'

const toReplace = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW
/** Age of a journal after which its loader is considered gone; a loader touches its journal every minute. */
const staleAfterMs = 10 * 60 * 1000

export interface Staging {
  readonly layout: Layout
  readonly journal: Journal
  /** Intact parts of an earlier run, by path. */
  readonly verified: VerifiedParts
  readonly verifiedBytes: number
  /** Directories below `files/`, parents first. */
  readonly directories: readonly string[]
}

/** Makes or reuses the staging directory: verified parts of the same objects are kept, everything else is removed. */
export async function openStaging(
  layout: Layout,
  task: LoadTask,
  objects: readonly ModelObject[],
  options: EvidenceOptions = {},
): Promise<Staging> {
  const { directory: mode } = modesOf(task)
  const directories = directoriesOf(objects)
  await ownLayout(layout, mode)
  const found = await removeUnlisted(layout, objects, directories)
  const claimed = await readJournal(layout.journal)
  // Opened before the long read: its heartbeat shows others that this directory is in use.
  const journal = await Journal.open(layout.journal)
  try {
    const verified = await findVerified(layout.stagingFiles, claimed, objects, options)
    for (const path of found) if (!verified.has(path)) await rm(join(layout.stagingFiles, path), { force: true })
    await makeDirectories(layout, directories, mode)
    const verifiedBytes = [...verified.values()].reduce((sum, parts) => sum + bytesOf(parts), 0)
    return { layout, journal, verified, verifiedBytes, directories }
  } catch (error) {
    await journal.close()
    throw error
  }
}

/** Another pod of a shared volume may have put links there: writes must not follow them. */
async function ownLayout({ staging, stagingFiles, stagingMarker, journal }: Layout, mode: number): Promise<void> {
  await ownDirectory(staging)
  await ownDirectory(stagingFiles)
  await setMode(stagingFiles, mode)
  await ownFile(journal)
  await rm(stagingMarker, { recursive: true, force: true })
}

/**
 * Removes entries that are no longer listed, changed between file and directory, or are neither; follows no link. Returns the
 * remaining files.
 */
async function removeUnlisted(
  { stagingFiles }: Layout,
  objects: readonly ModelObject[],
  directories: readonly string[],
): Promise<readonly string[]> {
  const entries = await readdir(stagingFiles, { recursive: true, withFileTypes: true })
  if (entries.length === 0) return []
  const names = { files: new Set(objects.map(({ path }) => path)), directories: new Set(directories) }
  const left: string[] = []
  for (const entry of entries) {
    const path = relative(stagingFiles, join(entry.parentPath, entry.name))
    if (entry.isFile() && names.files.has(path)) left.push(path)
    else if (!entry.isDirectory() || !names.directories.has(path)) {
      await rm(join(stagingFiles, path), { recursive: true, force: true })
    }
  }
  return left
}

/** Directories of the objects, parents first. */
function directoriesOf(objects: readonly ModelObject[]): readonly string[] {
  const directories = new Set<string>()
  for (const { path } of objects) {
    for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) directories.add(path.slice(0, at))
  }
  return [...directories].sort()
}

/** Syncs the names of the directories before the journal refers to a file in one of them. */
async function makeDirectories(
  { root, staging, stagingFiles }: Layout,
  directories: readonly string[],
  mode: number,
): Promise<void> {
  for (const directory of directories) {
    await mkdir(join(stagingFiles, directory), { recursive: true })
    await setMode(join(stagingFiles, directory), mode)
  }
  const parents = new Set(directories.map((directory) => dirname(join(stagingFiles, directory))))
  for (const parent of [...parents, staging, root]) await syncDirectory(parent)
}

/** Syncs everything, then publishes by one rename: completely or not at all. False if another loader was first. */
export async function publishStaging(
  { layout, journal, directories }: Staging,
  task: LoadTask,
  marker: Marker,
): Promise<boolean> {
  await journal.close()
  await writeDurably(layout.stagingMarker, `${JSON.stringify(marker)}\n`)
  await rm(layout.journal)
  const below = directories.map((directory) => join(layout.stagingFiles, directory)).reverse()
  for (const directory of [...below, layout.stagingFiles, layout.staging]) await syncDirectory(directory)
  await setMode(layout.staging, modesOf(task).directory)
  try {
    await rename(layout.staging, layout.published)
  } catch (error) {
    if (hasCode(error, 'ENOTEMPTY', 'EEXIST')) return false
    throw error
  }
  await syncDirectory(layout.root)
  return true
}

export async function discardStaging(layout: Layout): Promise<void> {
  await rm(layout.staging, { recursive: true, force: true })
}

/** Removes staging directories of loaders that are gone, by the clock of the volume, not of this node. */
export async function removeStaleStagings(layout: Layout): Promise<readonly string[]> {
  const names = (await readdir(layout.root)).filter((name) => stagingPattern.test(name) && name !== layout.stagingName)
  if (names.length === 0) return []
  const nowMs = await volumeNowMs(layout.root)
  const removed: string[] = []
  for (const name of names) {
    if (nowMs - (await lastTouchedMs(join(layout.root, name), nowMs)) < staleAfterMs) continue
    await rm(join(layout.root, name), { recursive: true, force: true })
    removed.push(name)
  }
  return removed
}

async function lastTouchedMs(staging: string, nowMs: number): Promise<number> {
  const times = await Promise.all(
    [join(staging, 'journal.ndjson'), staging].map(async (path) => {
      try {
        return (await stat(path)).mtimeMs
      } catch (error) {
        if (hasCode(error, 'ENOENT')) return 0
        throw error
      }
    }),
  )
  const latest = Math.max(...times)
  return latest === 0 ? nowMs : latest
}

export async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, toReplace, 0o644)
  try {
    await file.writeFile(text)
    await file.chmod(0o644)
    await file.datasync()
  } finally {
    await file.close()
  }
}
