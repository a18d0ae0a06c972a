/** One try to bring a part, from where the last one came to. */
import type { RunningCrc } from './crc.ts'
import type { Answer, Lane, Receiver } from './s3-connection.ts'
import type { PartFile, partFiles } from './part-file.ts'
import type { CrewSettings, PartJob, TransferCredentials } from './part-job.ts'
import { buildRequest, writeRequest, type Wanted } from './request.ts'
import { acceptAnswer, checksumHeaders, type Head } from './response.ts'
import { faultOfAnswer, type Fault } from './s3-error.ts'
import { TransferError } from './transfer-error.ts'

export interface PartState {
  readonly job: PartJob
  readonly crc: RunningCrc | undefined
  /** Bytes from the part's start that are in the file and in the checksum. */
  received: number
  checksums: Readonly<Record<string, string>>
}

export interface FetchContext {
  readonly settings: CrewSettings
  readonly credentials: TransferCredentials | undefined
  readonly files: ReturnType<typeof partFiles>
  readonly signal: AbortSignal
  readonly onBytes: (bytes: number) => void
}

/** The bytes are in the file; whoever keeps it closes it. */
export interface Fetched {
  readonly file: Pick<PartFile, 'sync' | 'close'>
}

/** Gives what S3 answered instead of the bytes; throws what the network, the file system or a strange answer brings. */
export async function fetchPart(part: PartState, lane: Lane, context: FetchContext): Promise<Fetched | Fault> {
  const { job } = part
  const sink = openSink(part, context)
  try {
    const answer = await exchange(part, lane, sink, context)
    if (answer.accepted) return { file: sink }
    sink.close()
    return faultOfAnswer(answer.head, answer.text, job.key, context.settings.region)
  } catch (error) {
    sink.close()
    throw error
  }
}

async function exchange(
  part: PartState,
  lane: Lane,
  sink: Receiver,
  { settings, credentials, signal }: FetchContext,
): Promise<Answer> {
  const { origin, region, idleLimitMs } = settings
  const wanted = wantedOf(part)
  const { request, text } = prepare(() => {
    const built = buildRequest(wanted, origin, region, credentials)
    return { request: built, text: writeRequest(built) }
  }, wanted.key)
  if (origin.proxy === undefined) {
    const answer = await lane.get(text, sink)
    if (answer.accepted || answer.head.status > 299) return answer
  }
  // Without a proxy, S3 hardly ever needs it, and it brings all of Node's HTTP client, which takes 30 ms to load on each thread.
  const { getByLibrary } = await import('./http-get.ts')
  return getByLibrary(request, sink, { origin, idleLimitMs, signal, length: part.job.length - part.received })
}

/** What cannot be asked for (half a surrogate pair, a line break in an ETag) does not get better by trying again. */
function prepare<T>(build: () => T, key: string): T {
  try {
    return build()
  } catch (error) {
    throw new TransferError(
      `${JSON.stringify(key)} cannot be asked for: ${String(error)}`,
      { kind: 'protocol', key },
      { cause: error },
    )
  }
}

/** A whole object that broke off goes on as a range: the ETag pins it to the object whose checksums are known already. */
function wantedOf({ job, received }: PartState): Wanted {
  const { key, etag, offset, length, whole } = job
  // There is no range of no bytes.
  if (received === 0 && (whole || length === 0)) return { key, etag, range: undefined }
  return { key, etag, range: { first: offset + received, last: offset + length - 1 } }
}

interface Sink extends Receiver {
  sync(): Promise<void>
  close(): void
}

/** Opens the file when S3 has said yes, so that a refused object leaves none. */
function openSink(part: PartState, { files, onBytes }: FetchContext): Sink {
  const { job } = part
  const wanted = wantedOf(part)
  let file: PartFile | undefined
  return {
    accept: (head: Head) => {
      if (!acceptAnswer(head, wanted, job.objectSize)) return false
      if (part.received === 0) part.checksums = checksumHeaders(head)
      file = files.open({ file: job.file, key: job.key, truncate: job.whole && part.received === 0 })
      return true
    },
    write: (piece) => {
      file?.write(piece, job.offset + part.received)
      part.crc?.update(piece)
      part.received += piece.length
      onBytes(piece.length)
    },
    sync: async () => {
      await file?.sync()
    },
    close: () => {
      file?.close()
    },
  }
}
