/** From a listing to verified files in staging: what is missing is planned in parts, moved, journaled and checked. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { S3 } from '../aws/s3.ts'
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

/** What is known of one object while it arrives. */
interface ObjectState {
  readonly object: ModelObject
  readonly file: string
  readonly parts: JournaledPart[]
  wanted: WantedChecksum | undefined
}

/** Uploaders choose the algorithm, mostly one for all objects of a model: the last one seen is the best guess for the next. */
interface Habit {
  crc: PartJob['crc']
}

/** Resolves when every object is in staging, on the disk, journaled and verified. */
export async function download(context: DownloadContext): Promise<DownloadResult> {
  const states = context.listing.objects.map((object): ObjectState => ({
    object, file: join(context.staging.layout.stagingFiles, object.path), parts: [...(context.staging.verified.get(object.path) ?? [])], wanted: undefined,
  }))
  await lookUpChecksums(states, context)
  await makeEmptyFiles(states, context)
  const writer = new JournalWriter(context)
  const habit: Habit = { crc: 'crc64nvme' }
  try {
    await context.move(missingParts(states, habit), (done) => receive(states[done.object], done, { writer, habit }))
  } finally {
    await writer.flush()
  }
  return verify(states, context)
}

/** For objects of several parts one HEAD tells the checksum; it has to be known before, so that parts are summed as they come. */
async function lookUpChecksums(states: readonly ObjectState[], { s3, task }: DownloadContext): Promise<void> {
  const large = states.filter(({ object }) => object.size > partBytes)[Symbol.iterator]()
  const lookUp = async (): Promise<void> => {
    for (const state of large) {
      const head = await s3.head(task.source.bucket, state.object.key).catch((error: unknown) => { throw failureOf(error, task.source, 'read') })
      state.wanted = preferredChecksum(head.checksums)
    }
  }
  await Promise.all(Array.from({ length: headsAtOnce }, lookUp))
}

async function makeEmptyFiles(states: readonly ObjectState[], { task }: DownloadContext): Promise<void> {
  for (const { object, file } of states) if (object.size === 0) await writeFile(file, '', { mode: modesOf(task).file })
}

function* missingParts(states: readonly ObjectState[], habit: Habit): Iterable<PartJob> {
  for (const [i, state] of states.entries()) {
    const { object, parts } = state
    if (coveredBytes(parts) === object.size) continue
    if (object.size <= partBytes) yield { ...jobOf(i, state), offset: 0, length: object.size, whole: true, crc: habit.crc }
    else yield* rangesOf(i, state)
  }
}

function* rangesOf(i: number, state: ObjectState): Iterable<PartJob> {
  const have = new Set(state.parts.map(({ offset }) => offset))
  const { size } = state.object
  for (let offset = 0; offset < size; offset += partBytes) {
    if (have.has(offset)) continue
    yield { ...jobOf(i, state), offset, length: Math.min(partBytes, size - offset), whole: false, crc: crcOf(state.wanted?.algorithm) ?? 'none' }
  }
}

function jobOf(i: number, { object: { key, etag, size }, file }: ObjectState): Pick<PartJob, 'object' | 'key' | 'etag' | 'objectSize' | 'file'> {
  return { object: i, key, etag, objectSize: size, file }
}

async function receive(state: ObjectState | undefined, done: PartDone, { writer, habit }: { writer: JournalWriter; habit: Habit }): Promise<void> {
  if (state === undefined) throw new Error(`a part of the unknown object ${done.object}`)
  const { path, etag, size } = state.object
  const { offset, length, crc } = done
  if (size <= partBytes) {
    state.wanted = checksumOfHeaders(done.checksums).wanted
    habit.crc = crcOf(state.wanted?.algorithm) ?? habit.crc
  }
  const part = { path, etag, size, offset, length, ...(crc !== undefined && { crc }) }
  state.parts.push(part)
  await writer.add(part)
}

/** The parts it is given are on the disk already; lines are written together, because each write waits for the disk. */
class JournalWriter {
  readonly #staging: Staging
  #lines: JournaledPart[] = []
  #writing: Promise<void> = Promise.resolve()
  #lastFlushMs = performance.now()

  constructor({ staging }: DownloadContext) {
    this.#staging = staging
  }

  async add(part: JournaledPart): Promise<void> {
    this.#lines.push(part)
    if (this.#lines.length >= linesAtOnce || performance.now() - this.#lastFlushMs > flushAfterMs) await this.flush()
  }

  flush(): Promise<void> {
    const lines = this.#lines
    this.#lines = []
    this.#lastFlushMs = performance.now()
    this.#writing = this.#writing.then(() => this.#staging.journal.append(lines))
    return this.#writing
  }
}

async function verify(states: readonly ObjectState[], context: DownloadContext): Promise<DownloadResult> {
  let withoutChecksum = 0
  for (const state of states) {
    context.signal.throwIfAborted()
    const { object: { path, size }, parts } = state
    if (coveredBytes(parts) !== size) throw new LoaderFailure('VerificationFailed', `${path} has ${coveredBytes(parts)} bytes, ${size} were listed`)
    const verified = (await matchesManifest(state, context)) || (await matchesChecksum(state, context))
    if (!verified) withoutChecksum++
  }
  return { withoutChecksum }
}

/** False: the manifest says nothing of it. */
async function matchesManifest({ object: { path }, file }: ObjectState, { manifest, signal }: DownloadContext): Promise<boolean> {
  const wanted = manifest?.get(path)
  if (wanted === undefined) return false
  const found = await checksumOfFile(file, 'SHA256', signal)
  if (found !== wanted) throw new LoaderFailure('VerificationFailed', `${path} has the SHA-256 ${hex(found)}, the manifest says ${hex(wanted)}`)
  return true
}

/** False: S3 keeps no checksum of it, or not one of the whole. */
async function matchesChecksum({ object: { path, size }, file, parts, wanted }: ObjectState, { signal }: DownloadContext): Promise<boolean> {
  if (wanted === undefined || size === 0) return size === 0
  const crc = crcOf(wanted.algorithm)
  const received = crc === undefined ? undefined : combineParts(crc, parts)
  // What was summed on arrival may have been another algorithm: then the file itself decides.
  if (received === wanted.value) return true
  const found = await checksumOfFile(file, wanted.algorithm, signal)
  if (found !== wanted.value) throw new LoaderFailure('VerificationFailed', `${path} has the ${wanted.algorithm} ${found}, S3 says ${wanted.value}`)
  return true
}

function coveredBytes(parts: readonly JournaledPart[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0)
}

function hex(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex')
}
