/** The state of each object during a download: its expected checksum, and the parts in staging. */
import { crcOf, preferredChecksum, type ExpectedChecksum } from './verify/checksum.ts'
import { startReader } from './verify/expected-checksums.ts'
import type { DownloadContext } from './download-context.ts'
import type { ModelObject } from './listing.ts'
import type { FileReader, ReadBack } from './verify/read-back.ts'
import { failureOf } from './s3-failure.ts'
import { ownCrc } from './transfer/crc.ts'
import type { PartJob } from './transfer/transfer.ts'
import { eachAtOnce } from './volume/each-at-once.ts'
import { partBytes } from './volume/evidence.ts'
import type { JournaledPart } from './volume/journal.ts'

const headsAtOnce = 8

/** State of an object of several parts. */
export interface LargeState {
  readonly parts: JournaledPart[]
  readonly expected: ExpectedChecksum | undefined
  /** Set where the checksum takes reading the file back. */
  readonly reader: FileReader | undefined
}

/** Uploaders mostly choose one algorithm for all objects of a model: the last one seen is the best guess for the next object. */
export interface LikelyChecksum {
  crc: PartJob['crc']
}

/** States of an object of one part, kept as numbers because there may be very many. */
export const smallStates = { missing: 0, verified: 1, withoutChecksum: 2 } as const

export interface ObjectStates {
  readonly small: number[]
  readonly large: Map<number, LargeState>
  readonly likelyChecksum: LikelyChecksum
  readonly readBack: ReadBack
}

/** A number of objects that follow each other in the listing. */
export interface Batch {
  readonly from: number
  readonly objects: readonly ModelObject[]
}

export function newStates(readBack: ReadBack): ObjectStates {
  return { small: [], large: new Map(), likelyChecksum: { crc: 'none' }, readBack }
}

/** Adds the states of objects that were listed after those that are there. */
export async function lookUpStates(batch: Batch, states: ObjectStates, context: DownloadContext): Promise<void> {
  const { small, likelyChecksum } = states
  for (const { path, size } of batch.objects) {
    const isThere = size === 0 || (size <= partBytes && context.staging.verified.has(path))
    small.push(isThere ? smallStates.verified : smallStates.missing)
  }
  if (context.task.requireChecksums) await judgeEarlier(batch, small, context)
  const guess = likelyChecksum.crc === 'none' ? guessChecksum(batch, context) : likelyChecksum.crc
  const [crc] = await Promise.all([guess, lookUpLarge(batch, states, context)])
  likelyChecksum.crc = crc
}

/** The journal of an earlier run says that the bytes arrived, and not whether S3 keeps a checksum of them. */
async function judgeEarlier({ from, objects }: Batch, small: number[], context: DownloadContext): Promise<void> {
  await eachAtOnce(headsAtOnce, objects.entries(), async ([i, object]) => {
    if (object.size === 0 || small[from + i] !== smallStates.verified) return
    if ((await lookUpChecksum(object, context)) === undefined) small[from + i] = smallStates.withoutChecksum
  })
}

/** Reads the checksum of each object of several parts by one HEAD, so that its parts are summed while they arrive. */
async function lookUpLarge(
  { from, objects }: Batch,
  { large, readBack }: ObjectStates,
  context: DownloadContext,
): Promise<void> {
  await eachAtOnce(headsAtOnce, objects.entries(), async ([i, object]) => {
    if (object.size <= partBytes) return
    const expected = await lookUpChecksum(object, context)
    large.set(from + i, {
      parts: [...(context.staging.verified.get(object.path) ?? [])],
      expected,
      reader: startReader(object, expected, readBack, context),
    })
  })
}

/** Small objects come with their checksum; the listing, or else one HEAD, shows which algorithm to compute meanwhile. */
async function guessChecksum({ objects }: Batch, context: DownloadContext): Promise<PartJob['crc']> {
  const first = objects.find(({ size }) => size > 0 && size <= partBytes)
  if (first === undefined) return 'none'
  const algorithm = first.checksumAlgorithm ?? (await lookUpChecksum(first, context))?.algorithm
  return crcOf(algorithm) ?? ownCrc
}

async function lookUpChecksum(
  { key }: ModelObject,
  { s3, task: { source } }: DownloadContext,
): Promise<ExpectedChecksum | undefined> {
  try {
    return preferredChecksum((await s3.head(source.bucket, key)).checksums)
  } catch (error) {
    throw failureOf(error, source)
  }
}
