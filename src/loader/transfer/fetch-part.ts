/** One attempt to fetch a part; it continues at the byte where the previous attempt ended. */
import type { RunningCrc } from './crc.ts'
import type { GetResult, ResponseSink } from './http/response-reader.ts'
import type { S3Connection } from './http/s3-connection.ts'
import type { PartFile, PartFiles } from './part-file.ts'
import type { PoolSettings, PartJob, TransferCredentials } from './part-job.ts'
import { buildRequest, writeRequest, type GetTarget } from './http/request.ts'
import { acceptAnswer, checksumHeaders, type Head } from './http/response.ts'
import { faultOfAnswer, type Fault } from './http/s3-error.ts'
import { TransferError } from './transfer-error.ts'

export interface PartState {
  readonly job: PartJob
  readonly crc: RunningCrc | undefined
  /** Bytes from the part's start that are both in the file and in the checksum. */
  received: number
  checksums: Readonly<Record<string, string>>
}

export interface FetchContext {
  readonly settings: PoolSettings
  readonly credentials: TransferCredentials | undefined
  readonly files: PartFiles
  readonly signal: AbortSignal
  readonly onBytes: (bytes: number) => void
}

/** A fetched part: all its bytes are in the file, which the caller closes. */
export interface Fetched {
  readonly file: Pick<PartFile, 'sync' | 'close'>
}

/** Returns a Fault for an error response of S3; throws on network errors, file system errors and malformed responses. */
export async function fetchPart(
  part: PartState,
  connection: S3Connection,
  context: FetchContext,
): Promise<Fetched | Fault> {
  const { job } = part
  const sink = openSink(part, context)
  try {
    const answer = await exchange(part, connection, sink, context)
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
  connection: S3Connection,
  sink: ResponseSink,
  { settings, credentials, signal }: FetchContext,
): Promise<GetResult> {
  const { origin, region, idleLimitMs } = settings
  const target = targetOf(part)
  const { request, text } = prepare(() => {
    const built = buildRequest(target, origin, region, credentials)
    return { request: built, text: writeRequest(built) }
  }, target.key)
  if (origin.proxy === undefined) {
    const answer = await connection.get(text, sink)
    if (answer.accepted || answer.head.status > 299) return answer
  }
  // Imported on demand: without a proxy it is rarely needed, and Node's HTTP client takes 30 ms to load on each thread.
  const { getByLibrary } = await import('./http/http-get.ts')
  return getByLibrary(request, sink, { origin, idleLimitMs, signal, length: part.job.length - part.received })
}

/** A request that cannot be built (half a surrogate pair, a line break in an ETag) is not retried. */
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

/** An interrupted whole object continues as a range: the ETag pins it to the object whose checksums are known already. */
function targetOf({ job, received }: PartState): GetTarget {
  const { key, etag, offset, length, whole } = job
  // There is no range of no bytes.
  if (received === 0 && (whole || length === 0)) return { key, etag, range: undefined }
  return { key, etag, range: { first: offset + received, last: offset + length - 1 } }
}

interface FileSink extends ResponseSink {
  sync(): Promise<void>
  close(): void
}

/** Opens the file only after S3 accepted the request, so that a refused object leaves no file. */
function openSink(part: PartState, { files, onBytes }: FetchContext): FileSink {
  const { job } = part
  const target = targetOf(part)
  let file: PartFile | undefined
  return {
    accept: (head: Head) => {
      if (!acceptAnswer(head, target, job.objectSize)) return false
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
