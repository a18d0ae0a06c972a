/** The state of each object during a download: its expected checksum, and the parts in staging. */
import { crcOf, preferredChecksum, type ExpectedChecksum } from './checksum.ts'
import { startReader } from './expected-checksums.ts'
import type { DownloadContext } from './download-context.ts'
import type { ModelObject } from './listing.ts'
import type { FileReader, ReadBack } from './read-back.ts'
import { failureOf } from './s3-failure.ts'
import { ownCrc } from './transfer/crc.ts'
import type { PartJob } from './transfer/transfer.ts'
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

/** States of an object of one part, kept in one byte each because there may be very many. */
export const smallStates = { missing: 0, verified: 1, withoutChecksum: 2 } as const

export interface ObjectStates {
  readonly small: Uint8Array
  readonly large: ReadonlyMap<number, LargeState>
  readonly likelyChecksum: LikelyChecksum
  readonly readBack: ReadBack
}

export async function lookUpStates(context: DownloadContext, readBack: ReadBack): Promise<ObjectStates> {
  const {
    listing: { objects },
    staging,
  } = context
  const small = new Uint8Array(objects.length)
  for (const [i, { path, size }] of objects.entries()) {
    if (size === 0 || (size <= partBytes && staging.verified.has(path))) small[i] = smallStates.verified
  }
  const [large, crc] = await Promise.all([lookUpLarge(context, readBack), guessChecksum(context)])
  return { small, large, likelyChecksum: { crc }, readBack }
}

/** Reads the checksum of each object of several parts by one HEAD, so that its parts are summed while they arrive. */
async function lookUpLarge(context: DownloadContext, readBack: ReadBack): Promise<ReadonlyMap<number, LargeState>> {
  const large = new Map<number, LargeState>()
  const waiting = context.listing.objects.entries().filter(([, { size }]) => size > partBytes)
  const lookUp = async (): Promise<void> => {
    for (const [i, object] of waiting) {
      const expected = await lookUpChecksum(object, context)
      large.set(i, {
        parts: [...(context.staging.verified.get(object.path) ?? [])],
        expected,
        reader: startReader(object, expected, readBack, context),
      })
    }
  }
  await Promise.all(Array.from({ length: headsAtOnce }, lookUp))
  return large
}

/** Small objects come with their checksum; one HEAD shows which algorithm to compute meanwhile. */
async function guessChecksum(context: DownloadContext): Promise<PartJob['crc']> {
  const first = context.listing.objects.find(({ size }) => size > 0 && size <= partBytes)
  return first === undefined ? ownCrc : (crcOf((await lookUpChecksum(first, context))?.algorithm) ?? ownCrc)
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
