/** One pod's work in progress on the volume. */
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { LoadTask } from '../environment.ts'
import type { ModelObject } from '../listing.ts'
import { hasCode } from './file-failure.ts'
import { Journal, readJournal, type JournaledPart } from './journal.ts'
import { modesOf, stagingPattern, type Layout } from './layout.ts'
import type { Marker } from './published.ts'
import { volumeNowMs } from './volume-clock.ts'

/** A loader touches its journal every few seconds; one that has not for so long is gone. */
const staleAfterMs = 10 * 60 * 1000

export interface Staging {
  readonly layout: Layout
  readonly journal: Journal
  /** Parts of an earlier run that are still good, by path. */
  readonly verified: ReadonlyMap<string, readonly JournaledPart[]>
  readonly verifiedBytes: number
  /** Below `files/`, parents first. */
  readonly directories: readonly string[]
}

/** Makes or takes up the staging directory: what was verified for the same object stays, everything else goes. */
export async function openStaging(layout: Layout, task: LoadTask, objects: readonly ModelObject[]): Promise<Staging> {
  const { directory: mode } = modesOf(task)
  await mkdir(layout.stagingFiles, { recursive: true })
  await setMode(layout.stagingFiles, mode)
  const verified = verifiedParts(await readJournal(layout.journal), objects)
  const directories = directoriesOf(objects)
  await removeUnlisted(layout, objects, directories)
  await makeDirectories(layout, directories, mode)
  const verifiedBytes = [...verified.values()].flat().reduce((sum, { length }) => sum + length, 0)
  return { layout, journal: await Journal.open(layout.journal), verified, verifiedBytes, directories }
}

function verifiedParts(parts: readonly JournaledPart[], objects: readonly ModelObject[]): Map<string, JournaledPart[]> {
  const verified = new Map<string, JournaledPart[]>()
  if (parts.length === 0) return verified
  const listed = new Map(objects.map((object) => [object.path, object]))
  const seen = new Set<string>()
  for (const part of parts) {
    const object = listed.get(part.path)
    const place = `${part.offset} ${part.path}`
    if (object?.etag !== part.etag || object.size !== part.size || seen.has(place)) continue
    seen.add(place)
    const known = verified.get(part.path)
    if (known === undefined) verified.set(part.path, [part])
    else known.push(part)
  }
  return verified
}

/** What is gone from the source since an earlier run, whether it was a file or has become one. */
async function removeUnlisted(
  { stagingFiles }: Layout,
  objects: readonly ModelObject[],
  directories: readonly string[],
): Promise<void> {
  const entries = await readdir(stagingFiles, { recursive: true, withFileTypes: true })
  if (entries.length === 0) return
  const names = { files: new Set(objects.map(({ path }) => path)), directories: new Set(directories) }
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name)
    const wanted = entry.isDirectory() ? names.directories : names.files
    if (!wanted.has(relative(stagingFiles, path))) await rm(path, { recursive: true, force: true })
  }
}

/** The directories that the objects need, parents first. */
function directoriesOf(objects: readonly ModelObject[]): readonly string[] {
  const directories = new Set<string>()
  for (const { path } of objects) {
    for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) directories.add(path.slice(0, at))
  }
  return [...directories].sort()
}

async function makeDirectories({ stagingFiles }: Layout, directories: readonly string[], mode: number): Promise<void> {
  for (const directory of directories) {
    await mkdir(join(stagingFiles, directory), { recursive: true })
    await setMode(join(stagingFiles, directory), mode)
  }
}

/** Everything durable, then one rename: the model is there as a whole or not at all. False: another loader was first. */
export async function publish(
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

export async function discard(layout: Layout): Promise<void> {
  await rm(layout.staging, { recursive: true, force: true })
}

/** Staging directories of loaders that are gone, told by the clock of the volume, not of this node. */
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
  const file = await open(path, 'w', 0o644)
  try {
    await file.writeFile(text)
    await file.chmod(0o644)
    await file.datasync()
  } finally {
    await file.close()
  }
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** The umask of whoever started us has no say in who can read the model. */
export async function setMode(path: string, mode: number): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.chmod(mode)
  } finally {
    await directory.close()
  }
}
