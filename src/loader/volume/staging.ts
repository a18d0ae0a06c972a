/** One pod's work in progress on the volume. */
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { LoadTask } from '../environment.ts'
import type { ModelObject } from '../listing.ts'
import { hasCode } from './file-failure.ts'
import { Journal, readJournal, type JournaledPart } from './journal.ts'
import { modesOf, stagingPattern, type Layout } from './layout.ts'
import type { Marker } from './published.ts'

/** A loader touches its journal every few seconds; one that has not for so long is gone. */
const staleAfterMs = 10 * 60 * 1000

export interface Staging {
  readonly layout: Layout
  readonly journal: Journal
  /** Parts of an earlier run that are still good, by path. */
  readonly verified: ReadonlyMap<string, readonly JournaledPart[]>
  readonly verifiedBytes: number
}

/** Makes or takes up the staging directory: what was verified for the same object stays, everything else goes. */
export async function openStaging(layout: Layout, task: LoadTask, objects: readonly ModelObject[]): Promise<Staging> {
  const { directory: mode } = modesOf(task)
  await mkdir(layout.stagingFiles, { recursive: true })
  await setMode(layout.stagingFiles, mode)
  const verified = verifiedParts(await readJournal(layout.journal), objects)
  await removeUnlisted(layout, objects)
  await makeDirectories(layout, objects, mode)
  const verifiedBytes = [...verified.values()].flat().reduce((sum, { length }) => sum + length, 0)
  return { layout, journal: await Journal.open(layout.journal), verified, verifiedBytes }
}

function verifiedParts(parts: readonly JournaledPart[], objects: readonly ModelObject[]): Map<string, JournaledPart[]> {
  const listed = new Map(objects.map((object) => [object.path, object]))
  const verified = new Map<string, JournaledPart[]>()
  for (const part of parts) {
    const object = listed.get(part.path)
    if (object?.etag !== part.etag || object.size !== part.size) continue
    const known = verified.get(part.path) ?? []
    if (!known.some(({ offset }) => offset === part.offset)) verified.set(part.path, [...known, part])
  }
  return verified
}

/** What is gone from the source since an earlier run, whether it was a file or has become one. */
async function removeUnlisted({ stagingFiles }: Layout, objects: readonly ModelObject[]): Promise<void> {
  const files = new Set(objects.map(({ path }) => path))
  const directories = new Set(objects.flatMap(({ path }) => ancestorsOf(path)))
  for (const entry of await readdir(stagingFiles, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const wanted = entry.isDirectory() ? directories : files
    if (!wanted.has(relative(stagingFiles, path))) await rm(path, { recursive: true, force: true })
  }
}

/** `a/b/c` → `a`, `a/b` */
function ancestorsOf(path: string): string[] {
  const segments = path.split('/').slice(0, -1)
  return segments.map((_, i) => segments.slice(0, i + 1).join('/'))
}

async function makeDirectories({ stagingFiles }: Layout, objects: readonly ModelObject[], mode: number): Promise<void> {
  const directories = new Set(objects.map(({ path }) => dirname(path)).filter((path) => path !== '.'))
  for (const directory of directories) await mkdir(join(stagingFiles, directory), { recursive: true })
  for (const directory of await directoriesBelow(stagingFiles)) await setMode(directory, mode)
}

/** Everything durable, then one rename: the model is there as a whole or not at all. False: another loader was first. */
export async function publish({ layout, journal }: Staging, task: LoadTask, marker: Marker): Promise<boolean> {
  await journal.close()
  await writeDurably(layout.stagingMarker, `${JSON.stringify(marker)}\n`)
  await rm(layout.journal)
  for (const directory of [...(await directoriesBelow(layout.stagingFiles)), layout.stagingFiles, layout.staging]) await syncDirectory(directory)
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
  const times = await Promise.all([join(staging, 'journal.ndjson'), staging].map(async (path) => {
    try {
      return (await stat(path)).mtimeMs
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return 0
      throw error
    }
  }))
  const latest = Math.max(...times)
  return latest === 0 ? nowMs : latest
}

/** A network file system has a clock of its own. */
async function volumeNowMs(root: string): Promise<number> {
  const probe = join(root, `.clock-${process.pid}`)
  await writeFile(probe, '')
  const { mtimeMs } = await stat(probe)
  await rm(probe)
  return mtimeMs
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o644)
  try {
    await file.writeFile(text)
    await file.chmod(0o644)
    await file.datasync()
  } finally {
    await file.close()
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

async function directoriesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name)).reverse()
}

/** The umask of whoever started us has no say in who can read the model. */
async function setMode(path: string, mode: number): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.chmod(mode)
  } finally {
    await directory.close()
  }
}

