/** The staging directory of one pod on the volume. */
import { constants } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { LoadTask } from '../environment.ts'
import { LoaderFailure } from '../exit-codes.ts'
import type { ModelObject } from '../listing.ts'
import { timed } from './calls.ts'
import { Directory, foreign, inDirectories, openBelow, openWithin, usingDirectory } from './directory.ts'
import { bytesOf, findVerified, type EvidenceOptions, type VerifiedParts } from './evidence.ts'
import { fileTimesOf, writeEvidence } from './file-evidence.ts'
import { hasCode } from './file-failure.ts'
import { Journal, journalName, readJournal } from './journal.ts'
import { modesOf, stagingPattern, type Layout } from './layout.ts'
import { markerName, type Marker } from './published.ts'
import { volumeNowMs } from './volume-clock.ts'

const toReplace = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC
/** Age of a journal after which its loader is considered gone; a loader touches its journal every minute. */
const staleAfterMs = 10 * 60 * 1000

export interface Staging {
  readonly layout: Layout
  readonly objects: readonly ModelObject[]
  readonly journal: Journal
  /** Intact parts of an earlier run, by path. */
  readonly verified: VerifiedParts
  readonly verifiedBytes: number
  /** Directories below `files/`, parents first. */
  readonly directories: string[]
}

/**
 * Makes or reuses the staging directory: verified parts of the same objects are kept, other files and directories are removed.
 * Throws a LoaderFailure for what is neither: a loader makes no links.
 */
export async function openStaging(
  layout: Layout,
  task: LoadTask,
  objects: readonly ModelObject[],
  options: EvidenceOptions = {},
): Promise<Staging> {
  const expected = { objects, directories: directoriesOf(objects), mode: modesOf(task).directory }
  return await usingDirectory(await Directory.open(layout.root), async (root) =>
    usingDirectory(await root.ownDirectory(layout.stagingName), async (staging) => {
      const opened = await usingDirectory(await staging.ownDirectory('files'), (files) =>
        openFiles({ layout, staging, files }, expected, options),
      )
      await staging.sync()
      await root.sync()
      return opened
    }),
  )
}

/** True where there may be parts of an earlier run. */
export async function hasStaging({ root, stagingName }: Layout): Promise<boolean> {
  return await usingDirectory(await Directory.open(root), async (directory) => {
    return (await directory.stat(stagingName)) !== undefined
  })
}

/** Makes the directories of objects that were listed after staging was opened. */
export async function extendStaging(
  { layout, directories }: Staging,
  task: LoadTask,
  objects: readonly ModelObject[],
): Promise<void> {
  const known = new Set(directories)
  const fresh = directoriesOf(objects).filter((path) => !known.has(path))
  if (fresh.length === 0) return
  await usingDirectory(await openBelow(layout.root, join(layout.stagingName, 'files')), (files) =>
    makeDirectories(files, fresh, modesOf(task).directory),
  )
  for (const path of fresh) directories.push(path)
}

interface OpenedStaging {
  readonly layout: Layout
  readonly staging: Directory
  readonly files: Directory
}

interface Expected {
  readonly objects: readonly ModelObject[]
  readonly directories: string[]
  /** Mode of directories. */
  readonly mode: number
}

async function openFiles(
  { layout, staging, files }: OpenedStaging,
  expected: Expected,
  options: EvidenceOptions,
): Promise<Staging> {
  const { objects, directories, mode } = expected
  await files.setMode(mode)
  for (const { name } of await staging.entries()) if (!keptNames.includes(name)) await staging.remove(name)
  const found = await removeUnlisted(files, namesOf(expected))
  const claimed = await readJournal(staging)
  // Opened before the long read: its heartbeat shows others that this directory is in use.
  const journal = await Journal.open(staging)
  try {
    const verified = await findVerified(layout.stagingFiles, claimed, objects, options)
    const useless = found.filter((path) => !verified.has(path))
    await inDirectories(files, useless, async (directory, names) => {
      for (const name of names) await directory.removeFile(name)
    })
    await makeDirectories(files, directories, mode)
    const verifiedBytes = [...verified.values()].reduce((sum, parts) => sum + bytesOf(parts), 0)
    return { layout, objects, journal, verified, verifiedBytes, directories }
  } catch (error) {
    await journal.close()
    throw error
  }
}

/** The marker and the evidence of a run that was ended before it published are written again. */
const keptNames: readonly string[] = ['files', journalName]

interface ListedNames {
  readonly files: ReadonlySet<string>
  readonly directories: ReadonlySet<string>
}

function namesOf({ objects, directories }: Expected): ListedNames {
  return { files: new Set(objects.map(({ path }) => path)), directories: new Set(directories) }
}

/** Removes files and directories that are no longer listed, or changed from one into the other. Returns the remaining files. */
async function removeUnlisted(directory: Directory, listed: ListedNames, below = ''): Promise<readonly string[]> {
  const left: string[] = []
  for (const entry of await directory.entries()) {
    const path = join(below, entry.name)
    if (entry.isDirectory() && listed.directories.has(path)) {
      const child = await directory.directory(entry.name)
      left.push(...(await usingDirectory(child, () => removeUnlisted(child, listed, path))))
    } else if (entry.isFile() && listed.files.has(path)) left.push(path)
    else await directory.remove(entry.name)
  }
  return left
}

/** Directories of the objects, parents first. */
function directoriesOf(objects: readonly ModelObject[]): string[] {
  const directories = new Set<string>()
  for (const { path } of objects) {
    for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) directories.add(path.slice(0, at))
  }
  return [...directories].sort()
}

/** Syncs the names of the directories before the journal refers to a file in one of them. */
async function makeDirectories(files: Directory, directories: readonly string[], mode: number): Promise<void> {
  await inDirectories(files, directories, async (parent, names) => {
    for (const name of names) await usingDirectory(await parent.ownDirectory(name), (made) => made.setMode(mode))
    await parent.sync()
  })
}

/** Syncs everything, then publishes by one rename: completely or not at all. False if another loader was first. */
export async function publishStaging(
  { layout, objects, journal, directories }: Staging,
  task: LoadTask,
  marker: Marker,
): Promise<boolean> {
  await journal.close()
  return await usingDirectory(await Directory.open(layout.root), async (root) => {
    await usingDirectory(await root.directory(layout.stagingName), async (staging) => {
      await writeFileDurably(staging, markerName, `${JSON.stringify(marker)}\n`)
      await staging.removeFile(journalName)
      await usingDirectory(await staging.directory('files'), async (files) => {
        await syncAll(files, directories)
        // No other pod writes to a volume of the pod's own.
        if (task.reuse !== undefined) {
          const times = await fileTimesOf(files, objects)
          await writeEvidence(staging, { objects, times, haveChecksums: task.requireChecksums })
        }
      })
      await staging.sync()
      await staging.setMode(modesOf(task).directory)
    })
    if (!(await moveIntoPlace(root, layout))) return false
    await root.sync()
    return true
  })
}

async function syncAll(files: Directory, directories: readonly string[]): Promise<void> {
  for (const path of directories.toReversed()) {
    await usingDirectory(await openWithin(files, path), (directory) => directory.sync())
  }
  await files.sync()
}

async function moveIntoPlace(root: Directory, { stagingName, published }: Layout): Promise<boolean> {
  const name = basename(published)
  try {
    await root.rename(stagingName, name)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOTEMPTY', 'EEXIST')) return false
    throw hasCode(error, 'ENOTDIR') ? foreign(published, await root.stat(name), 'a directory') : error
  }
}

export async function discardStaging({ root, stagingName }: Layout): Promise<void> {
  await usingDirectory(await Directory.open(root), (directory) => directory.remove(stagingName))
}

/** Removes staging directories of loaders that are gone, by the clock of the volume, not of this node. */
export async function removeStaleStagings(layout: Layout): Promise<readonly string[]> {
  return await usingDirectory(await Directory.open(layout.root), async (root) => {
    const names = (await root.entries())
      .filter((entry) => entry.isDirectory() && stagingPattern.test(entry.name) && entry.name !== layout.stagingName)
      .map(({ name }) => name)
    if (names.length === 0) return []
    const nowMs = await volumeNowMs(layout.root)
    const removed: string[] = []
    for (const name of names) {
      if (nowMs - (await lastTouchedMs(root, name, nowMs)) < staleAfterMs) continue
      if (await removeStale(root, name)) removed.push(name)
    }
    return removed
  })
}

/** False where something in it is neither a file nor a directory: that pod's loader refuses it, and this one does not need its place. */
async function removeStale(root: Directory, name: string): Promise<boolean> {
  try {
    await root.remove(name)
    return true
  } catch (error) {
    if (error instanceof LoaderFailure) return false
    throw error
  }
}

/** The later time of the directory and of its journal; `nowMs` where it has just gone. */
async function lastTouchedMs(root: Directory, name: string, nowMs: number): Promise<number> {
  const own = await root.stat(name)
  if (own?.isDirectory() !== true) return nowMs
  return await usingDirectory(await root.directory(name), async (staging) =>
    Math.max(own.mtimeMs, (await staging.stat(journalName))?.mtimeMs ?? 0),
  )
}

export async function writeDurably(path: string, text: string): Promise<void> {
  await usingDirectory(await Directory.open(dirname(path)), (directory) =>
    writeFileDurably(directory, basename(path), text),
  )
}

async function writeFileDurably(directory: Directory, name: string, text: string): Promise<void> {
  const file = await directory.file(name, toReplace, 0o644)
  try {
    await timed(join(directory.path, name), file.writeFile(text))
    await timed(join(directory.path, name), file.chmod(0o644))
    await timed(join(directory.path, name), file.datasync())
  } finally {
    await file.close()
  }
}
