/**
 * Evidence of a published model, next to its files: a line for each file with the object that it was loaded from, and with
 * the inode and the modification time that it had, and perhaps that S3 or a manifest had a checksum of it. A later start compares these
 * instead of reading the model again. Nothing proves
 * that the lines are true, so only those that this user wrote count; a manifest that is pinned proves the content instead.
 */
import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { ModelObject } from '../listing.ts'
import { timed } from './calls.ts'
import { usingDirectory, openWithin, type Directory } from './directory.ts'
import { eachAtOnce } from './each-at-once.ts'
import { hasCode } from './file-failure.ts'

const evidenceName = 'evidence.ndjson'
const temporaryPattern = 'evidence-'
const toMake = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
const linesAtOnce = 1024
const looksAtOnce = 32
const readBytes = 64 * 1024
/** A path has at most 2048 bytes, of which JSON may escape each. */
const longestLineBytes = 64 * 1024

/** The part of a listed object that its line repeats. */
export type EvidentObject = Pick<ModelObject, 'path' | 'size' | 'etag'>

interface Line extends EvidentObject {
  readonly ino: bigint
  readonly mtimeNs: bigint
  /** True where a checksum of the whole was required of the object when this was written. */
  readonly hasChecksum: boolean
}

/** The last item of a line of such an object. */
const withChecksum = 'checksum'

/** Inodes and modification times by the number of the object; an inode of 0 stands for none. */
export class FileTimes {
  readonly #inodes: BigUint64Array
  readonly #times: BigInt64Array

  constructor(count: number) {
    this.#inodes = new BigUint64Array(count)
    this.#times = new BigInt64Array(count)
  }

  set(i: number, { ino, mtimeNs }: { readonly ino: bigint; readonly mtimeNs: bigint }): void {
    this.#inodes[i] = ino
    this.#times[i] = mtimeNs
  }

  get(i: number): { readonly ino: bigint; readonly mtimeNs: bigint } {
    return { ino: this.#inodes[i] ?? 0n, mtimeNs: this.#times[i] ?? 0n }
  }

  has(i: number): boolean {
    return (this.#inodes[i] ?? 0n) !== 0n
  }

  /** True where both have the same values of the object. */
  agrees(i: number, other: FileTimes): boolean {
    return this.has(i) && this.#inodes[i] === other.#inodes[i] && this.#times[i] === other.#times[i]
  }
}

/** Inodes and times of the files of all objects; those of a file that is gone stay unset. */
export async function fileTimesOf(files: Directory, objects: readonly EvidentObject[]): Promise<FileTimes> {
  const times = new FileTimes(objects.length)
  const byDirectory = Map.groupBy(objects.keys(), (i) => dirname(objects[i]?.path ?? ''))
  for (const [parent, indexes] of byDirectory) {
    await usingDirectory(await openWithin(files, parent), (directory) =>
      eachAtOnce(looksAtOnce, indexes, async (i) => {
        const found = await directory.exactStat(basename(objects[i]?.path ?? ''))
        if (found?.isFile() === true) times.set(i, found)
      }),
    )
  }
  return times
}

export interface FileEvidence {
  readonly objects: readonly EvidentObject[]
  readonly times: FileTimes
  /** True where each object has a checksum of the whole. */
  readonly haveChecksums: boolean
}

/** Writes the evidence durably, and in the place of an older one. */
export async function writeEvidence(directory: Directory, evidence: FileEvidence): Promise<void> {
  const temporary = `${temporaryPattern}${crypto.randomUUID()}`
  const file = await directory.file(temporary, toMake, 0o644)
  try {
    await writeLines(file, join(directory.path, temporary), linesOf(evidence))
    await timed(directory.path, file.chmod(0o644))
    await timed(directory.path, file.datasync())
    await directory.rename(temporary, evidenceName)
  } catch (error) {
    await directory.removeFile(temporary).catch(() => undefined)
    throw error
  } finally {
    await file.close()
  }
  await directory.sync()
}

function* linesOf({ objects, times, haveChecksums }: FileEvidence): Generator<string> {
  const more = haveChecksums ? [withChecksum] : []
  for (const [i, { path, size, etag }] of objects.entries()) {
    const { ino, mtimeNs } = times.get(i)
    yield `${JSON.stringify([path, size, etag, String(ino), String(mtimeNs), ...more])}\n`
  }
}

async function writeLines(file: FileHandle, path: string, lines: Iterable<string>): Promise<void> {
  let batch: string[] = []
  for (const line of lines) {
    if (batch.push(line) < linesAtOnce) continue
    await timed(path, file.appendFile(batch.join('')))
    batch = []
  }
  await timed(path, file.appendFile(batch.join('')))
}

/** The lines that this user wrote; undefined where another one did, or where there are none. */
export async function readEvidence(published: Directory): Promise<AsyncGenerator<Line> | undefined> {
  try {
    const file = await published.file(evidenceName, constants.O_RDONLY)
    const { uid } = await file.stat()
    if (uid === process.getuid?.()) return linesIn(file, join(published.path, evidenceName))
    await file.close()
    return undefined
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'EACCES')) return undefined
    throw error
  }
}

/** Leaves out what no loader writes. Closes the file. */
async function* linesIn(file: FileHandle, path: string): AsyncGenerator<Line> {
  try {
    const buffer = Buffer.allocUnsafe(readBytes)
    let rest = Buffer.alloc(0)
    for (;;) {
      const { bytesRead } = await timed(path, file.read(buffer, 0, readBytes, null))
      if (bytesRead === 0) return
      const text = Buffer.concat([rest, buffer.subarray(0, bytesRead)])
      const end = text.lastIndexOf('\n') + 1
      yield* text.toString('utf8', 0, end).split('\n').flatMap(parseLine)
      rest = text.subarray(end)
      if (rest.length > longestLineBytes) return
    }
  } finally {
    await file.close()
  }
}

function parseLine(text: string): readonly Line[] {
  try {
    const [path, size, etag, ino, mtimeNs, more] = JSON.parse(text) as readonly unknown[]
    if (typeof path !== 'string' || typeof etag !== 'string' || !Number.isSafeInteger(size)) return []
    if (![ino, mtimeNs].every((digits) => typeof digits === 'string' && /^-?\d{1,20}$/.test(digits))) return []
    const hasChecksum = more === withChecksum
    return [
      { path, size: size as number, etag, ino: BigInt(ino as string), mtimeNs: BigInt(mtimeNs as string), hasChecksum },
    ]
  } catch {
    return []
  }
}
