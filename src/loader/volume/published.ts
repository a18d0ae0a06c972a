/** Finds a model that is already on the volume. */
import { constants } from 'node:fs'
import { basename, join } from 'node:path'
import { enumerate, quote } from '../../values/print/printable.ts'
import type { LoadTask } from '../environment.ts'
import { LoaderFailure } from '../exit-codes.ts'
import { timed } from './calls.ts'
import { Directory, foreign, usingDirectory, walkFiles } from './directory.ts'
import { eachAtOnce } from './each-at-once.ts'
import { hasCode } from './file-failure.ts'
import type { Layout } from './layout.ts'

export const markerName = 'marker.json'
const longestMarkerBytes = 64 * 1024
const looksAtOnce = 32
const shownEntries = 3

export interface Marker {
  readonly schema: 1
  readonly id: string
  readonly source: string
  readonly files: number
  readonly bytes: number
}

/** The marker of a published model; undefined where nothing is published. Foreign content ends the loader. */
export async function findPublished(layout: Layout, task: LoadTask): Promise<Marker | undefined> {
  return await usingPublished(layout, async (published) => {
    const marker = await markerOf(published, task)
    if (task.readOnly) await refuseForeignFiles(published, marker)
    return marker
  })
}

/** True where something is published. Removes an empty directory at its place. */
export async function isPublished(layout: Layout): Promise<boolean> {
  return (await usingPublished(layout, () => Promise.resolve(true))) === true
}

/** Undefined where nothing is published. */
export async function usingPublished<T>(
  layout: Layout,
  action: (published: Directory) => Promise<T>,
): Promise<T | undefined> {
  return await usingDirectory(await Directory.open(layout.root), async (root) => {
    const published = await openPublished(root, basename(layout.published))
    if (published === undefined) return undefined
    return await usingDirectory(published, async () =>
      (await removedWhereEmpty(root, published)) ? undefined : await action(published),
    )
  })
}

async function openPublished(root: Directory, name: string): Promise<Directory | undefined> {
  try {
    return await root.directory(name)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** The kubelet makes an empty directory for a missing subPath. rmdir removes only empty ones. */
async function removedWhereEmpty(root: Directory, published: Directory): Promise<boolean> {
  const entries = await published.entries()
  const [only] = entries
  const hasFilesAlone = entries.length === 1 && only?.name === 'files' && only.isDirectory()
  if (entries.length > 0 && !(hasFilesAlone && (await isEmpty(published, 'files')))) return false
  try {
    if (hasFilesAlone) await published.removeEmpty('files')
    await root.removeEmpty(basename(published.path))
  } catch (error) {
    // Another loader was quicker: it removed the directory, or published onto it, which is found under the lock.
    if (!hasCode(error, 'ENOENT', 'ENOTEMPTY', 'EEXIST')) throw error
  }
  return true
}

async function isEmpty(directory: Directory, name: string): Promise<boolean> {
  return await usingDirectory(await directory.directory(name), async (opened) => (await opened.entries()).length === 0)
}

/** Throws a LoaderFailure where the marker is missing, or of another model. */
export async function markerOf(published: Directory, { id, source }: LoadTask): Promise<Marker> {
  const marker = parseMarker(await readMarker(published))
  if (marker?.id === id && marker.source === source.uri) return marker
  const names = (await published.entries()).map(({ name }) => name).slice(0, shownEntries)
  const what =
    marker?.id === id
      ? `has the marker of ${quote(marker.source)}`
      : `has no marker of this loader: ${enumerate(names.map(quote))}`
  throw new LoaderFailure('ForeignFiles', `${published.path} ${what}`)
}

/** Empty where there is none. */
async function readMarker(published: Directory): Promise<string> {
  try {
    const file = await published.file(markerName, constants.O_RDONLY)
    try {
      const path = join(published.path, markerName)
      const { buffer, bytesRead } = await timed(path, file.read(Buffer.alloc(longestMarkerBytes), 0))
      return buffer.toString('utf8', 0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return ''
    throw error
  }
}

function parseMarker(text: string): Marker | undefined {
  try {
    const { schema, id, source, files, bytes } = JSON.parse(text) as Partial<Marker>
    if (schema !== 1 || id === undefined || source === undefined || files === undefined || bytes === undefined) {
      return undefined
    }
    return { schema, id, source, files, bytes }
  } catch {
    return undefined
  }
}

/** A writable model may hold any files; a read-only one must hold exactly the loaded files. */
async function refuseForeignFiles(published: Directory, marker: Marker): Promise<void> {
  const found = await usingDirectory(await openFilesOf(published), measureOpened)
  if (found.files === marker.files && found.bytes === marker.bytes) return
  throw new LoaderFailure(
    'ForeignFiles',
    `${join(published.path, 'files')} has ${found.files} files of ${found.bytes} bytes, the loader wrote ${marker.files} of ${marker.bytes}`,
  )
}

export async function openFilesOf(published: Directory): Promise<Directory> {
  try {
    return await published.directory('files')
  } catch (error) {
    throw hasCode(error, 'ENOENT') ? foreign(join(published.path, 'files'), undefined, 'a directory') : error
  }
}

/** Counts files and bytes. Throws a LoaderFailure for an entry that is neither a file nor a directory. */
export async function measure(path: string): Promise<{ files: number; bytes: number }> {
  return await usingDirectory(await Directory.open(path), measureOpened)
}

async function measureOpened(root: Directory): Promise<{ files: number; bytes: number }> {
  let [files, bytes] = [0, 0]
  await walkFiles(root, async (names, directory) => {
    files += names.length
    await eachAtOnce(looksAtOnce, names, async (name) => {
      const size = (await directory.stat(name))?.size ?? 0
      bytes += size
    })
  })
  return { files, bytes }
}
