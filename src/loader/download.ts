/** From a listing to verified files in staging: what is missing is planned in parts, moved, journaled and checked. */
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { collectGarbage } from '../aws/collect-garbage.ts'
import { partBytes } from './volume/evidence.ts'
import { smallStates, startArrivals, type Arrivals, type LargeState } from './object-state.ts'
import { checksumOfHeaders, crcOf } from './checksum.ts'
import { follow } from './expected-checksums.ts'
import type { ModelObject } from './listing.ts'
import { ReadBack, type Follower } from './read-back.ts'
import type { PartDone, PartJob } from './transfer/transfer.ts'
import { compareSmall, readToEnd, verify } from './verify-download.ts'
import { ownCrc } from './transfer/crc.ts'
import { JournalWriter, partsPerCollection } from './volume/journal-writer.ts'
import { modesOf } from './volume/layout.ts'
import type { DownloadContext, DownloadResult } from './download-context.ts'

/** Resolves when every object is in staging, on the disk, journaled and verified. */
export async function download(context: DownloadContext): Promise<DownloadResult> {
  const readBack = new ReadBack(context.signal)
  const writer = new JournalWriter(context.staging.journal, context.staging.layout.stagingFiles)
  try {
    const arrivals = await startArrivals(context, readBack)
    context.s3.close()
    if (context.listing.objects.length > partsPerCollection) collectGarbage()
    await makeEmptyFiles(context)
    followEarlier(arrivals, context)
    await context.move(missingParts(context, arrivals), (done) => receive(done, arrivals, writer, context))
    await readToEnd(arrivals, context)
    return await verify(arrivals, context)
  } finally {
    await writer.flush()
    await readBack.close()
  }
}

async function makeEmptyFiles({ listing, staging, task }: DownloadContext): Promise<void> {
  const { file: mode } = modesOf(task)
  for (const { path, size } of listing.objects) {
    if (size > 0) continue
    const file = join(staging.layout.stagingFiles, path)
    await writeFile(file, '')
    // Not by writeFile, of whose mode the umask takes bits.
    await chmod(file, mode)
  }
}

/** What needs no download: parts of an earlier run, and files of no bytes. */
function followEarlier({ small, large, readBack }: Arrivals, context: DownloadContext): void {
  for (const [i, object] of context.listing.objects.entries()) {
    const { follower, parts } = large.get(i) ?? {
      follower: small[i] === smallStates.missing ? undefined : follow(object, undefined, readBack, context),
      parts: [wholeOf(object)],
    }
    if (follower !== undefined) for (const part of parts) readBack.arrived(follower, part)
  }
}

function wholeOf({ size }: ModelObject): { readonly offset: number; readonly length: number } {
  return { offset: 0, length: size }
}

function* missingParts(
  { listing: { objects }, staging }: DownloadContext,
  { small, large, habit }: Arrivals,
): Iterable<PartJob> {
  for (const [i, { key, path, etag, size }] of objects.entries()) {
    const job = { object: i, key, etag, objectSize: size, file: join(staging.layout.stagingFiles, path) }
    const state = large.get(i)
    if (state !== undefined) yield* missingRanges(job, state)
    else if (small[i] === smallStates.missing) yield { ...job, offset: 0, length: size, whole: true, crc: habit.crc }
  }
}

function* missingRanges(
  job: Pick<PartJob, 'object' | 'key' | 'etag' | 'objectSize' | 'file'>,
  { parts, wanted }: LargeState,
): Iterable<PartJob> {
  const have = new Set(parts.map(({ offset }) => offset))
  const crc = crcOf(wanted?.algorithm) ?? ownCrc
  for (let offset = 0; offset < job.objectSize; offset += partBytes) {
    if (!have.has(offset)) {
      yield { ...job, offset, length: Math.min(partBytes, job.objectSize - offset), whole: false, crc }
    }
  }
}

async function receive(
  done: PartDone,
  arrivals: Arrivals,
  writer: JournalWriter,
  context: DownloadContext,
): Promise<void> {
  const object = context.listing.objects[done.object]
  if (object === undefined) throw new Error(`a part of the unknown object ${done.object}`)
  const { path, etag, size } = object
  const { offset, length, crc, crcAlgorithm } = done
  if (crc === undefined || crcAlgorithm === undefined) throw new Error(`a part of ${path} without a checksum`)
  const part = { path, etag, size, offset, length, crc, crcAlgorithm }
  const state = arrivals.large.get(done.object)
  const follower = state === undefined ? await receiveSmall(object, done, arrivals, context) : state.follower
  state?.parts.push(part)
  if (follower !== undefined) arrivals.readBack.arrived(follower, part)
  await writer.add(part)
}

/** Its checksum came with its bytes; what the manifest says takes reading. */
async function receiveSmall(
  object: ModelObject,
  { object: i, checksums, crc }: PartDone,
  { small, habit, readBack }: Arrivals,
  context: DownloadContext,
): Promise<Follower | undefined> {
  const { wanted } = checksumOfHeaders(checksums)
  if (wanted !== undefined) await compareSmall(object, wanted, { crc, habit }, context)
  small[i] = wanted === undefined ? smallStates.withoutChecksum : smallStates.verified
  return follow(object, undefined, readBack, context)
}
