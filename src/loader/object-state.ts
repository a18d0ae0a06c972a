/** What is known of each object while it arrives: what S3 says of it before, and what is in staging already. */
import { crcOf, preferredChecksum, type WantedChecksum } from './checksum.ts'
import { follow } from './expected-checksums.ts'
import type { DownloadContext } from './download-context.ts'
import type { ModelObject } from './listing.ts'
import type { Follower, ReadBack } from './read-back.ts'
import { failureOf } from './s3-failure.ts'
import { ownCrc } from './transfer/crc.ts'
import type { PartJob } from './transfer/transfer.ts'
import { partBytes } from './volume/evidence.ts'
import type { JournaledPart } from './volume/journal.ts'

const headsAtOnce = 8

/** An object of several parts, while it arrives. */
export interface LargeState {
  readonly parts: JournaledPart[]
  readonly wanted: WantedChecksum | undefined
  /** Where its checksum takes reading. */
  readonly follower: Follower | undefined
}

/** Uploaders choose the algorithm, mostly one for all objects of a model: the last one seen is the best guess for the next. */
export interface Habit {
  crc: PartJob['crc']
}

/** A byte for each object of one part, however many there are: what is known of it when it is in staging. */
export const smallStates = { missing: 0, verified: 1, withoutChecksum: 2 } as const

export interface Arrivals {
  readonly small: Uint8Array
  readonly large: ReadonlyMap<number, LargeState>
  readonly habit: Habit
  readonly readBack: ReadBack
}

export async function startArrivals(context: DownloadContext, readBack: ReadBack): Promise<Arrivals> {
  const {
    listing: { objects },
    staging,
  } = context
  const small = new Uint8Array(objects.length)
  for (const [i, { path, size }] of objects.entries()) {
    if (size === 0 || (size <= partBytes && staging.verified.has(path))) small[i] = smallStates.verified
  }
  const [large, crc] = await Promise.all([lookUpLarge(context, readBack), learnHabit(context)])
  return { small, large, habit: { crc }, readBack }
}

/** For objects of several parts one HEAD tells the checksum; it has to be known before, so that parts are summed as they come. */
async function lookUpLarge(context: DownloadContext, readBack: ReadBack): Promise<ReadonlyMap<number, LargeState>> {
  const large = new Map<number, LargeState>()
  const waiting = context.listing.objects.entries().filter(([, { size }]) => size > partBytes)
  const lookUp = async (): Promise<void> => {
    for (const [i, object] of waiting) {
      const wanted = await lookUpChecksum(object, context)
      large.set(i, {
        parts: [...(context.staging.verified.get(object.path) ?? [])],
        wanted,
        follower: follow(object, wanted, readBack, context),
      })
    }
  }
  await Promise.all(Array.from({ length: headsAtOnce }, lookUp))
  return large
}

/** Small objects tell their checksum with their bytes; one HEAD tells which to compute on the way. */
async function learnHabit(context: DownloadContext): Promise<PartJob['crc']> {
  const first = context.listing.objects.find(({ size }) => size > 0 && size <= partBytes)
  return first === undefined ? ownCrc : (crcOf((await lookUpChecksum(first, context))?.algorithm) ?? ownCrc)
}

async function lookUpChecksum(
  { key }: ModelObject,
  { s3, task: { source } }: DownloadContext,
): Promise<WantedChecksum | undefined> {
  try {
    return preferredChecksum((await s3.head(source.bucket, key)).checksums)
  } catch (error) {
    throw failureOf(error, source, 'read')
  }
}
