/**
 * Downloads a listing into staging, while its pages may still arrive: splits missing objects into parts, transfers, journals and
 * verifies them.
 */
import { constants } from 'node:fs'
import { join } from 'node:path'
import { collectGarbage } from './collect-garbage.ts'
import { partBytes } from './volume/evidence.ts'
import { lookUpStates, newStates, smallStates, type Batch, type LargeState, type ObjectStates } from './object-state.ts'
import { checksumOfHeaders, crcOf } from './verify/checksum.ts'
import { startReader } from './verify/expected-checksums.ts'
import type { ModelObject } from './listing.ts'
import { ReadBack, type FileReader } from './verify/read-back.ts'
import type { PartDone, PartJob } from './transfer/transfer.ts'
import { compareSmall, readToEnd, verify } from './verify/verify-download.ts'
import { ownCrc } from './transfer/crc.ts'
import { inDirectories, openBelow, usingDirectory } from './volume/directory.ts'
import { JournalWriter, partsPerCollection } from './volume/journal-writer.ts'
import { modesOf } from './volume/layout.ts'
import { extendStaging } from './volume/staging.ts'
import type { DownloadContext, DownloadResult } from './download-context.ts'

/** Transfers parts; `onDone` gets each one that is in its file. */
export type Move = (jobs: AsyncIterable<PartJob>, onDone: (done: PartDone) => Promise<void>) => Promise<void>

/** Resolves when every object is in staging, on the disk, journaled and verified. */
export async function download(context: DownloadContext, move: Move): Promise<DownloadResult> {
  const readBack = new ReadBack(context.signal)
  const writer = new JournalWriter(context.staging.journal, context.staging.layout.stagingFiles)
  try {
    const states = newStates(readBack)
    await move(missingParts(context, states), (done) => receive(done, states, writer, context))
    await readToEnd(states, context)
    return await verify(states, context)
  } finally {
    await writer.flush()
    await readBack.close()
  }
}

const toMakeEmpty = constants.O_WRONLY | constants.O_CREAT

/** There is no range of no bytes, so that empty objects are made and not fetched. */
export async function makeEmptyFiles(
  objects: readonly ModelObject[],
  { staging: { layout }, task }: DownloadContext,
): Promise<void> {
  const { file: mode } = modesOf(task)
  const paths = objects.flatMap(({ path, size }) => (size === 0 ? [path] : []))
  if (paths.length === 0) return
  await usingDirectory(await openBelow(layout.root, join(layout.stagingName, 'files')), (files) =>
    inDirectories(files, paths, async (directory, names) => {
      for (const name of names) {
        const file = await directory.file(name, toMakeEmpty, mode)
        // The umask takes bits of the mode of open(2).
        await file.chmod(mode).finally(() => file.close())
      }
    }),
  )
}

/** Reads back what needs no download: parts of an earlier run, and empty files. */
function readEarlier(
  { from, objects }: Batch,
  { small, large, readBack }: ObjectStates,
  context: DownloadContext,
): void {
  for (const [i, object] of objects.entries()) {
    const { reader, parts } = large.get(from + i) ?? {
      reader: small[from + i] === smallStates.missing ? undefined : startReader(object, undefined, readBack, context),
      parts: [wholeOf(object)],
    }
    if (reader !== undefined) for (const part of parts) readBack.arrived(reader, part)
  }
}

function wholeOf({ size }: ModelObject): { readonly offset: number; readonly length: number } {
  return { offset: 0, length: size }
}

/** Throws as soon as a page of the listing is refused. */
async function* missingParts(context: DownloadContext, states: ObjectStates): AsyncGenerator<PartJob> {
  const { listing, s3 } = context
  for (let from = 0; from < listing.objects.length || !listing.isWhole; ) {
    const batch = { from, objects: listing.objects.slice(from) }
    from += batch.objects.length
    await prepare(batch, states, context)
    for (const part of partsOf(batch, states, context)) {
      listing.throwIfRefused()
      yield part
    }
    await listing.more(from)
  }
  s3.close()
  if (listing.objects.length > partsPerCollection) collectGarbage()
}

async function prepare(batch: Batch, states: ObjectStates, context: DownloadContext): Promise<void> {
  await extendStaging(context.staging, context.task, batch.objects)
  await lookUpStates(batch, states, context)
  await makeEmptyFiles(batch.objects, context)
  readEarlier(batch, states, context)
}

function* partsOf(
  { from, objects }: Batch,
  { small, large, likelyChecksum }: ObjectStates,
  { staging }: DownloadContext,
): Iterable<PartJob> {
  for (const [i, { key, path, etag, size }] of objects.entries()) {
    const object = from + i
    const job = { object, key, etag, objectSize: size, file: join(staging.layout.stagingFiles, path) }
    const state = large.get(object)
    if (state !== undefined) yield* missingRanges(job, state)
    else if (small[object] === smallStates.missing) {
      yield { ...job, offset: 0, length: size, whole: true, crc: likelyChecksum.crc }
    }
  }
}

function* missingRanges(
  job: Pick<PartJob, 'object' | 'key' | 'etag' | 'objectSize' | 'file'>,
  { parts, expected }: LargeState,
): Iterable<PartJob> {
  const have = new Set(parts.map(({ offset }) => offset))
  const crc = crcOf(expected?.algorithm) ?? ownCrc
  for (let offset = 0; offset < job.objectSize; offset += partBytes) {
    if (!have.has(offset)) {
      yield { ...job, offset, length: Math.min(partBytes, job.objectSize - offset), whole: false, crc }
    }
  }
}

async function receive(
  done: PartDone,
  states: ObjectStates,
  writer: JournalWriter,
  context: DownloadContext,
): Promise<void> {
  const object = context.listing.objects[done.object]
  if (object === undefined) throw new Error(`a part of the unknown object ${done.object}`)
  const { path, etag, size } = object
  const { offset, length, crc, crcAlgorithm } = done
  if (crc === undefined || crcAlgorithm === undefined) throw new Error(`a part of ${path} without a checksum`)
  const part = { path, etag, size, offset, length, crc, crcAlgorithm }
  const state = states.large.get(done.object)
  const reader = state === undefined ? await receiveSmall(object, done, states, context) : state.reader
  state?.parts.push(part)
  if (reader !== undefined) states.readBack.arrived(reader, part)
  await writer.add(part)
}

/** Compares the checksum that came with the bytes; one of the manifest is compared by reading the file back. */
async function receiveSmall(
  object: ModelObject,
  { object: i, checksums, crc }: PartDone,
  { small, likelyChecksum, readBack }: ObjectStates,
  context: DownloadContext,
): Promise<FileReader | undefined> {
  const { expected } = checksumOfHeaders(checksums)
  if (expected !== undefined) await compareSmall(object, expected, { crc, likelyChecksum }, context)
  small[i] = expected === undefined ? smallStates.withoutChecksum : smallStates.verified
  return startReader(object, undefined, readBack, context)
}
