/** Finds a model that is already on the volume. */
import { readdir, readFile, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { LoadTask } from '../environment.ts'
import { LoaderFailure } from '../exit-codes.ts'
import { hasCode } from './file-failure.ts'
import type { Layout } from './layout.ts'

export interface Marker {
  readonly schema: 1
  readonly id: string
  readonly source: string
  readonly files: number
  readonly bytes: number
}

/** The marker of a published model; undefined where nothing is published. Foreign content ends the loader. */
export async function findPublished(layout: Layout, task: LoadTask): Promise<Marker | undefined> {
  const entries = await readdir(layout.published).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined
    if (hasCode(error, 'ENOTDIR')) throw new LoaderFailure('ForeignFiles', `${layout.published} is no directory`)
    throw error
  })
  if (entries === undefined) return undefined
  // The kubelet makes an empty directory for a missing subPath. rmdir removes only empty ones.
  if (await removedWhereEmpty(layout.published, entries)) return undefined
  const marker = await readMarker(layout.publishedMarker)
  if (marker?.id !== task.id) {
    throw new LoaderFailure(
      'ForeignFiles',
      `${layout.published} has no marker of this loader: ${entries.slice(0, 3).join(', ')}`,
    )
  }
  if (task.readOnly) await refuseForeignFiles(layout, marker)
  return marker
}

async function removedWhereEmpty(directory: string, entries: readonly string[]): Promise<boolean> {
  const onlyEmptyFiles =
    entries.length === 1 && entries[0] === 'files' && (await readdir(join(directory, 'files'))).length === 0
  if (entries.length > 0 && !onlyEmptyFiles) return false
  if (onlyEmptyFiles) await rmdir(join(directory, 'files'))
  await rmdir(directory)
  return true
}

async function readMarker(file: string): Promise<Marker | undefined> {
  try {
    const { schema, id, source, files, bytes } = JSON.parse(await readFile(file, 'utf8')) as Partial<Marker>
    if (schema !== 1 || id === undefined || source === undefined || files === undefined || bytes === undefined) {
      return undefined
    }
    return { schema, id, source, files, bytes }
  } catch {
    return undefined
  }
}

/** A writable model may hold any files; a read-only one must hold exactly the loaded files. */
async function refuseForeignFiles(layout: Layout, marker: Marker): Promise<void> {
  const found = await measure(layout.publishedFiles)
  if (found.files === marker.files && found.bytes === marker.bytes) return
  throw new LoaderFailure(
    'ForeignFiles',
    `${layout.publishedFiles} has ${found.files} files of ${found.bytes} bytes, the loader wrote ${marker.files} of ${marker.bytes}`,
  )
}

/** Counts files and bytes. Any other entry counts as a file, so that it is noticed. */
export async function measure(directory: string): Promise<{ files: number; bytes: number }> {
  let [files, bytes] = [0, 0]
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue
    files++
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size
  }
  return { files, bytes }
}
