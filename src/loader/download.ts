/** From a listing to verified files in staging: what is missing is planned in parts, moved, journaled and checked. */
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { collectGarbage } from '../aws/collect-garbage.ts'
import type { S3 } from '../aws/s3-api.ts'
import { checksumOfFile, checksumOfHeaders, combineParts, crcOf, preferredChecksum, type WantedChecksum } from './checksum.ts'
import type { LoadTask } from './environment.ts'
import { LoaderFailure } from './exit-codes.ts'
import type { Listing, ModelObject } from './listing.ts'
import type { Manifest } from './manifest.ts'
import { failureOf } from './s3-failure.ts'
import type { PartDone, PartJob } from './transfer/transfer.ts'
import type { JournaledPart } from './volume/journal.ts'
import { modesOf } from './volume/layout.ts'
import type { Staging } from './volume/staging.ts'

/** Objects of up to one part are fetched whole, which makes S3 send their checksum. */
export const partBytes = 16 * 2 ** 20

const headsAtOnce = 8
const linesAtOnce = 256
const flushAfterMs = 500
/** What so many small objects leave behind is a good part of what the loader may use. */
const partsPerCollection = 8192

export interface DownloadContext {
  readonly task: LoadTask
  readonly listing: Listing
  readonly manifest: Manifest | undefined
  readonly staging: Staging
  readonly s3: S3
  readonly signal: AbortSignal
  /** Moves the bytes. */
  readonly move: (jobs: Iterable<PartJob>, onDone: (done: PartDone) => Promise<void>) => Promise<void>
}

export interface DownloadResult {
  /** Objects for which S3 keeps no checksum of the whole; their bytes are counted, but nothing more is known of them. */
  readonly withoutChecksum: number
}

/** An object of several parts, while it arrives. */
interface LargeState {
  readonly parts: JournaledPart[]
  readonly wanted: WantedChecksum | undefined
}

/** Uploaders choose the algorithm, mostly one for all objects of a model: the last one seen is the best guess for the next. */
interface Habit {
  crc: PartJob['crc']
}

/** A byte for each object of one part, however many there are: what is known of it when it is in staging. */
const smallStates = { missing: 0, verified: 1, withoutChecksum: 2 } as const

interface Arrivals {
  readonly small: Uint8Array
  readonly large: ReadonlyMap<number, LargeState>
  readonly habit: Habit
}

/** Resolves when every object is in staging, on the disk, journaled and verified. */
export async function download(context: DownloadContext): Promise<DownloadResult> {
  const arrivals = await startArrivals(context)
  context.s3.close()
  if (context.listing.objects.length > partsPerCollection) collectGarbage()
  await makeEmptyFiles(context)
  const writer = new JournalWriter(context)
  try {
    await context.move(missingParts(context, arrivals), (done) => receive(done, arrivals, writer, context))
  } finally {
    await writer.flush()
  }
  return verify(arrivals, context)
}

async function startArrivals(context: DownloadContext): Promise<Arrivals> {
  const { listing: { objects }, staging } = context
  const small = new Uint8Array(objects.length)
  for (const [i, { path, size }] of objects.entries()) {
    if (size === 0 || (size <= partBytes && staging.verified.has(path))) small[i] = smallStates.verified
  }
  const [large, crc] = await Promise.all([lookUpLarge(context), learnHabit(context)])
  return { small, large, habit: { crc } }
}

/** For objects of several parts one HEAD tells the checksum; it has to be known before, so that parts are summed as they come. */
async function lookUpLarge(context: DownloadContext): Promise<ReadonlyMap<number, LargeState>> {
  const large = new Map<number, LargeState>()
  const waiting = context.listing.objects.entries().filter(([, { size }]) => size > partBytes)
  const lookUp = async (): Promise<void> => {
    for (const [i, object] of waiting) {
      large.set(i, { parts: [...(context.staging.verified.get(object.path) ?? [])], wanted: await lookUpChecksum(object, context) })
    }
  }
  await Promise.all(Array.from({ length: headsAtOnce }, lookUp))
  return large
}

/** Small objects tell their checksum with their bytes; one HEAD tells which to compute on the way. */
async function learnHabit(context: DownloadContext): Promise<PartJob['crc']> {
  const first = context.listing.objects.find(({ size }) => size > 0 && size <= partBytes)
  return first === undefined ? 'none' : (crcOf((await lookUpChecksum(first, context))?.algorithm) ?? 'none')
}

async function lookUpChecksum({ key }: ModelObject, { s3, task: { source } }: DownloadContext): Promise<WantedChecksum | undefined> {
  try {
    return preferredChecksum((await s3.head(source.bucket, key)).checksums)
  } catch (error) {
    throw failureOf(error, source, 'read')
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

function* missingParts({ listing: { objects }, staging }: DownloadContext, { small, large, habit }: Arrivals): Iterable<PartJob> {
  for (const [i, { key, path, etag, size }] of objects.entries()) {
    const job = { object: i, key, etag, objectSize: size, file: join(staging.layout.stagingFiles, path) }
    const state = large.get(i)
    if (state !== undefined) yield* missingRanges(job, state)
    else if (small[i] === smallStates.missing) yield { ...job, offset: 0, length: size, whole: true, crc: habit.crc }
  }
}

function* missingRanges(job: Pick<PartJob, 'object' | 'key' | 'etag' | 'objectSize' | 'file'>, { parts, wanted }: LargeState): Iterable<PartJob> {
  const have = new Set(parts.map(({ offset }) => offset))
  const crc = crcOf(wanted?.algorithm) ?? 'none'
  for (let offset = 0; offset < job.objectSize; offset += partBytes) {
    if (!have.has(offset)) yield { ...job, offset, length: Math.min(partBytes, job.objectSize - offset), whole: false, crc }
  }
}

async function receive(done: PartDone, { small, large, habit }: Arrivals, writer: JournalWriter, context: DownloadContext): Promise<void> {
  const object = context.listing.objects[done.object]
  if (object === undefined) throw new Error(`a part of the unknown object ${done.object}`)
  const { path, etag, size } = object
  const { offset, length, crc } = done
  const part = { path, etag, size, offset, length, ...(crc !== undefined && { crc }) }
  const state = large.get(done.object)
  if (state !== undefined) {
    state.parts.push(part)
  } else {
    const { wanted } = checksumOfHeaders(done.checksums)
    if (wanted !== undefined) await compareSmall(object, wanted, { crc, habit }, context)
    small[done.object] = wanted === undefined ? smallStates.withoutChecksum : smallStates.verified
  }
  await writer.add(part)
}

/** What was summed on arrival may have been another algorithm: then the file itself decides. */
async function compareSmall(
  object: ModelObject, wanted: WantedChecksum, { crc, habit }: { crc: string | undefined; habit: Habit }, context: DownloadContext,
): Promise<void> {
  habit.crc = crcOf(wanted.algorithm) ?? 'none'
  if (crc !== wanted.value) await compareFile(object, wanted, context)
}

async function compareFile({ path }: ModelObject, { algorithm, value }: WantedChecksum, { staging, signal }: DownloadContext): Promise<void> {
  const found = await checksumOfFile(join(staging.layout.stagingFiles, path), algorithm, signal)
  if (found !== value) throw new LoaderFailure('VerificationFailed', `${path} has the ${algorithm} ${found}, S3 says ${value}`)
}

/** The parts it is given are on the disk already; lines are written together, because each write waits for the disk. */
class JournalWriter {
  readonly #staging: Staging
  #lines: JournaledPart[] = []
  #writing: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #added = 0

  constructor({ staging }: DownloadContext) {
    this.#staging = staging
  }

  async add(part: JournaledPart): Promise<void> {
    this.#lines.push(part)
    if (++this.#added % partsPerCollection === 0) collectGarbage()
    if (this.#lines.length >= linesAtOnce) await this.flush()
    // Not left to the next part, which may be slow: what is there must outlive a kill. An error is the next flush's, too.
    else this.#timer ??= setTimeout(() => { this.flush().catch(() => undefined) }, flushAfterMs)
  }

  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const lines = this.#lines
    this.#lines = []
    this.#writing = this.#writing.then(() => this.#staging.journal.append(lines))
    return this.#writing
  }
}

/** Small objects were compared when they arrived; the others can be only when their last part is there. */
async function verify({ small, large }: Arrivals, context: DownloadContext): Promise<DownloadResult> {
  let withoutChecksum = 0
  for (const [i, object] of context.listing.objects.entries()) {
    context.signal.throwIfAborted()
    const state = large.get(i)
    const covered = state === undefined ? small[i] !== smallStates.missing : coveredBytes(state.parts) === object.size
    if (!covered) throw new LoaderFailure('VerificationFailed', `${object.path} is not there as a whole`)
    const compared = state === undefined ? small[i] === smallStates.verified : await compareLarge(object, state, context)
    const inManifest = await compareWithManifest(object, context)
    if (!compared && !inManifest) withoutChecksum++
  }
  return { withoutChecksum }
}

/** False: S3 keeps no checksum of it, or not one of the whole. */
async function compareLarge(object: ModelObject, { parts, wanted }: LargeState, context: DownloadContext): Promise<boolean> {
  if (wanted === undefined) return false
  const crc = crcOf(wanted.algorithm)
  if (crc === undefined || combineParts(crc, parts) !== wanted.value) await compareFile(object, wanted, context)
  return true
}

/** False: there is none, or it says nothing of it. */
async function compareWithManifest({ path }: ModelObject, { manifest, staging, signal }: DownloadContext): Promise<boolean> {
  const wanted = manifest?.get(path)
  if (wanted === undefined) return false
  const found = await checksumOfFile(join(staging.layout.stagingFiles, path), 'SHA256', signal)
  if (found !== wanted) throw new LoaderFailure('VerificationFailed', `${path} has the SHA-256 ${hex(found)}, the manifest says ${hex(wanted)}`)
  return true
}

function coveredBytes(parts: readonly JournaledPart[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0)
}

function hex(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex')
}
