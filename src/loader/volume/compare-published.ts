/** Compares the files of a published model with the objects that it should consist of, by evidence, without reading them. */
import { join } from 'node:path'
import { quote } from '../../values/print/printable.ts'
import { counted } from '../format-size.ts'
import { usingDirectory, walkFiles, type Directory } from './directory.ts'
import { eachAtOnce } from './each-at-once.ts'
import { FileTimes, readEvidence, type EvidentObject } from './file-evidence.ts'
import { openFilesOf } from './published.ts'

const looksAtOnce = 32

export interface Comparison {
  /** Files that are missing, extra, or of another size. */
  readonly problems: readonly string[]
  /** Numbers of the objects whose files only reading can prove. */
  readonly unproven: readonly number[]
  /** Before anything is read: a file that changes meanwhile has another time afterwards. */
  readonly times: FileTimes
  /** True where the evidence says of each of these very objects that it has a checksum of the whole. */
  readonly haveChecksums: boolean
}

/** Throws a LoaderFailure for an entry that is neither a file nor a directory. */
export async function comparePublished(published: Directory, objects: readonly EvidentObject[]): Promise<Comparison> {
  const byPath = new Map(objects.map(({ path }, i) => [path, i]))
  const { recorded, haveChecksums } = await readRecorded(published, objects, byPath)
  const times = new FileTimes(objects.length)
  const problems: string[] = []
  await usingDirectory(await openFilesOf(published), (files) =>
    walkFiles(files, (names, directory, below) =>
      eachAtOnce(looksAtOnce, names, async (name) => {
        const path = join(below, name)
        const i = byPath.get(path)
        const found = await directory.exactStat(name)
        const size = i === undefined ? undefined : objects[i]?.size
        if (i === undefined || size === undefined) problems.push(`${quote(path)} is not part of the model`)
        else if (found?.isFile() === true) {
          times.set(i, found)
          if (found.size !== BigInt(size)) {
            problems.push(`${quote(path)} has ${counted(Number(found.size), 'byte')}, not ${size}`)
          }
        }
      }),
    ),
  )
  const unproven: number[] = []
  for (const [i, { path }] of objects.entries()) {
    if (!times.has(i)) problems.push(`${quote(path)} is missing`)
    else if (!times.agrees(i, recorded)) unproven.push(i)
  }
  return { problems, unproven, times, haveChecksums }
}

interface Recorded {
  readonly recorded: FileTimes
  readonly haveChecksums: boolean
}

/** The evidence about these very objects, with the same ETag and size. */
async function readRecorded(
  published: Directory,
  objects: readonly EvidentObject[],
  byPath: ReadonlyMap<string, number>,
): Promise<Recorded> {
  const recorded = new FileTimes(objects.length)
  let checksums = 0
  const lines = await readEvidence(published)
  if (lines === undefined) return { recorded, haveChecksums: false }
  for await (const line of lines) {
    const i = byPath.get(line.path)
    const object = i === undefined ? undefined : objects[i]
    if (i === undefined || object?.etag !== line.etag || object.size !== line.size) continue
    if (line.hasChecksum && !recorded.has(i)) checksums++
    recorded.set(i, line)
  }
  return { recorded, haveChecksums: checksums === objects.length }
}
