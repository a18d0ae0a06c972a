/** One attempt to fetch a part; it continues at the byte where the previous attempt ended. */
import type { RunningCrc } from './crc.ts'
import { problemOfAnswer } from '../../s3/answer-problem.ts'
import { acceptAnswer, checksumHeaders, otherLength } from '../../s3/http/accept.ts'
import { asksChecksums, buildRequest, pinnedGet, writeRequest, type GetTarget } from '../../s3/http/request.ts'
import { MalformedAnswer, type Head } from '../../s3/http/response.ts'
import type { ExchangeResult, ResponseSink } from '../../s3/http/response-reader.ts'
import type { S3Connection } from '../../s3/http/s3-connection.ts'
import type { S3Credentials } from '../../s3/origin.ts'
import { problemOf, S3Error, type S3Problem } from '../../s3/s3-error.ts'
import type { PartFile, PartFiles } from './part-file.ts'
import type { PoolSettings, PartJob } from './part-job.ts'

export interface PartState {
  readonly job: PartJob
  readonly crc: RunningCrc | undefined
  /** Bytes from the part's start that are both in the file and in the checksum. */
  received: number
  checksums: Readonly<Record<string, string>>
}

export interface FetchContext {
  readonly settings: PoolSettings
  readonly credentials: S3Credentials | undefined
  readonly files: PartFiles
  readonly onBytes: (bytes: number) => void
  /** False where the server refuses to be asked for checksums. */
  readonly withChecksums: boolean
}

/** A fetched part: all its bytes are in the file, which the caller closes. */
export interface Fetched {
  readonly file: Pick<PartFile, 'sync' | 'close'>
}

/** Returns the problem of an error response of S3; throws on network errors, file system errors and malformed responses. */
export async function fetchPart(
  part: PartState,
  connection: S3Connection,
  context: FetchContext,
): Promise<Fetched | S3Problem> {
  const { job } = part
  const sink = openSink(part, context)
  try {
    const answer = await exchange(part, connection, sink, context)
    if (answer.accepted && part.received < job.length) throw new MalformedAnswer('the answer ends early')
    if (answer.accepted) return { file: sink }
    sink.close()
    return problemOfAnswer(answer, context.settings.region)
  } catch (error) {
    sink.close()
    throw error
  }
}

function exchange(
  part: PartState,
  connection: S3Connection,
  sink: ResponseSink,
  { settings: { origin, region }, credentials, withChecksums }: FetchContext,
): Promise<ExchangeResult> {
  const request = prepare(() =>
    writeRequest(buildRequest(pinnedGet(targetOf(part), withChecksums), origin, { region, credentials })),
  )
  return connection.ask(request, sink)
}

/** A request that cannot be built (half a surrogate pair, a line break in an ETag) is not retried. */
function prepare<T>(build: () => T): T {
  try {
    return build()
  } catch (error) {
    throw new S3Error(problemOf('protocol', `cannot be asked for: ${String(error)}`, 0), error)
  }
}

/** An interrupted whole object continues as a range: the ETag pins it to the object whose checksums are known already. */
function targetOf({ job, received }: PartState): GetTarget {
  const { key, etag, offset, length, whole } = job
  // There is no range of no bytes.
  if (received === 0 && (whole || length === 0)) return { key, etag, range: undefined }
  return { key, etag, range: { first: offset + received, last: offset + length - 1 } }
}

/** True if the next attempt asks for checksums, which some servers refuse. */
export function wantsChecksums(part: PartState, withChecksums: boolean): boolean {
  return asksChecksums(targetOf(part).range, withChecksums)
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
      if (piece.length > job.length - part.received) {
        const { whole, objectSize, length } = job
        throw whole
          ? otherLength(objectSize, `${part.received + piece.length} or more arrive`)
          : new S3Error(problemOf('protocol', `sends more than the ${length} bytes that were asked for`))
      }
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
