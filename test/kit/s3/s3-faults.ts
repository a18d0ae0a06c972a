/** Faults: which requests they hit, how often, and what they do to the answer. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

export type Operation = 'list' | 'head' | 'get' | 'other'

export interface RecordedRequest {
  readonly operation: Operation
  readonly method: string
  readonly bucket: string
  /** Key of an object; undefined for a listing. */
  readonly key: string | undefined
  /** Prefix of a listing. */
  readonly prefix: string | undefined
  /** Token of a listing's second and later pages. */
  readonly continuationToken: string | undefined
  readonly range: string | undefined
  readonly ifMatch: string | undefined
  readonly checksumMode: boolean
  /** True where the reader pays, by a header that is signed. */
  readonly requesterPays: boolean
  /** As the client claims, believed or not; undefined if the request is not signed. */
  readonly accessKeyId: string | undefined
  readonly atMs: number
  /** The same for all requests of one connection. */
  readonly connectionId: number
  /** Undefined until it is answered. */
  readonly status: number | undefined
  /** The error's code where S3's XML was answered. */
  readonly errorCode: string | undefined
  /** Bytes of the body, so far. */
  readonly bytesSent: number
}

/** All that is said has to hold. */
interface FaultMatch {
  readonly method?: string
  readonly operation?: Operation
  readonly key?: RegExp
  /** Tested on the `range` header, an empty text without one. */
  readonly range?: RegExp
  readonly where?: (request: RecordedRequest) => boolean
  /** The first of the matching requests to be hit, from 1. */
  readonly nth?: number
}

export type FaultAction =
  /** S3's XML error, no body on HEAD. */
  | {
      readonly kind: 'status'
      readonly status: number
      readonly code: string
      readonly message?: string
      readonly headers?: Readonly<Record<string, string>>
    }
  /** 301 PermanentRedirect: the bucket is in that region. */
  | { readonly kind: 'redirect'; readonly region: string }
  /** The connection ends before any answer. */
  | { readonly kind: 'drop' }
  /** No answer, for ever. */
  | { readonly kind: 'hang' }
  /** Fewer bytes than content-length says, then the connection is closed. */
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  /** The same with a TCP reset. */
  | { readonly kind: 'reset'; readonly afterBytes: number }
  /** The same with an open connection, for ever. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** Flips the bits of one byte of the body (0 is its first, also of a range). */
  | { readonly kind: 'corrupt'; readonly atByte: number }
  /** Overwrites the object before it is answered. */
  | { readonly kind: 'replace'; readonly body: string | Uint8Array }
  /** Anything else to be done before the answer. */
  | { readonly kind: 'run'; readonly run: () => unknown }
  /** Highest number of keys on a page of a listing. */
  | { readonly kind: 'page-size'; readonly keys: number }
  /** Rewrites the body of a listing, with status 200. */
  | { readonly kind: 'rewrite'; readonly rewrite: (listing: string) => string }
  /** 200 with the whole object. */
  | { readonly kind: 'ignore-range' }
  /** A body without content-length. */
  | { readonly kind: 'chunked' }
  /** `Connection: close`. */
  | { readonly kind: 'close' }
  /** Sets headers of the answer (a wrong content-range, another etag); undefined removes one. */
  | { readonly kind: 'headers'; readonly headers: Readonly<Record<string, string | undefined>> }

export interface FaultRule {
  readonly match: FaultMatch
  /** Once without it. */
  readonly times?: number | 'always'
  readonly action: FaultAction
}

export interface ActiveFault {
  /** How many requests it has hit. */
  readonly hits: number
  remove(): void
}

export interface FaultBook {
  add(rule: FaultRule): ActiveFault
  /** Counts the request and gives what befalls it. */
  actionsFor(request: RecordedRequest): readonly FaultAction[]
  clear(): void
}

export function faultBook(): FaultBook {
  const entries = new Set<{ rule: FaultRule; matched: number; hits: number }>()
  return {
    add: (rule) => {
      const entry = { rule, matched: 0, hits: 0 }
      entries.add(entry)
      return {
        get hits() {
          return entry.hits
        },
        remove: () => {
          entries.delete(entry)
        },
      }
    },
    actionsFor: (request) =>
      [...entries]
        .filter((entry) => {
          if (!matches(entry.rule.match, request)) return false
          entry.matched++
          const {
            match: { nth = 1 },
            times = 1,
          } = entry.rule
          if (entry.matched < nth || (times !== 'always' && entry.hits >= times)) return false
          entry.hits++
          return true
        })
        .map(({ rule }) => rule.action),
    clear: () => {
      entries.clear()
    },
  }
}

function matches(match: FaultMatch, request: RecordedRequest): boolean {
  const equal = [
    [match.method, request.method],
    [match.operation, request.operation],
  ].every(([wanted, found]) => wanted === undefined || wanted === found)
  const alike = (
    [
      [match.key, request.key],
      [match.range, request.range],
    ] as const
  ).every(([wanted, found]) => wanted?.test(found ?? '') ?? true)
  return equal && alike && (match.where?.(request) ?? true)
}

/** The first action of a kind. */
export function actionOf<K extends FaultAction['kind']>(
  actions: readonly FaultAction[],
  kind: K,
): Extract<FaultAction, { kind: K }> | undefined {
  return actions.find((action): action is Extract<FaultAction, { kind: K }> => action.kind === kind)
}

export interface FaultyDelivery {
  readonly response: ServerResponse
  readonly actions: readonly FaultAction[]
  readonly signal: AbortSignal
  readonly reset: () => void
  readonly onSent: (bytes: number) => void
}

const SLICES_PER_SECOND = 10
const READ_MILLISECONDS = 50

/** Sends the body, faults included; the headers are set already. */
export async function deliverFaulty(source: AsyncIterable<Buffer>, delivery: FaultyDelivery): Promise<void> {
  const { response, actions } = delivery
  const stop = actionOf(actions, 'truncate') ?? actionOf(actions, 'reset') ?? actionOf(actions, 'stall')
  const end = stop?.afterBytes ?? Infinity
  let sent = 0
  response.flushHeaders()
  for await (const chunk of source) {
    const piece = corrupted(chunk, sent, actions).subarray(0, end - sent)
    await send(piece, delivery)
    sent += piece.length
    if (piece.length < chunk.length) break
  }
  // A body that ends at that byte anyway is stopped too: content-length is reached, the connection is not usable.
  if (stop === undefined || sent < end) response.end()
  else await stopAnswer(stop.kind, delivery)
}

async function stopAnswer(
  kind: 'truncate' | 'reset' | 'stall',
  { response, signal, reset }: FaultyDelivery,
): Promise<void> {
  if (kind === 'stall') await once(response, 'close', { signal })
  else if (kind === 'truncate') response.socket?.end()
  else {
    // A reset throws away what the client has not read yet.
    await sleep(READ_MILLISECONDS, undefined, { signal })
    reset()
  }
}

function corrupted(chunk: Buffer, offset: number, actions: readonly FaultAction[]): Buffer {
  const positions = actions
    .flatMap((action) => (action.kind === 'corrupt' ? [action.atByte - offset] : []))
    .filter((position) => position >= 0 && position < chunk.length)
  if (positions.length === 0) return chunk
  const copy = Buffer.from(chunk)
  for (const position of positions) copy.writeUInt8(copy.readUInt8(position) ^ 0xff, position)
  return copy
}

async function send(piece: Buffer, delivery: FaultyDelivery): Promise<void> {
  const slow = actionOf(delivery.actions, 'slow')
  const slice = slow === undefined ? piece.length : Math.max(1, Math.floor(slow.bytesPerSecond / SLICES_PER_SECOND))
  for (let offset = 0; offset < piece.length; offset += slice) {
    const part = piece.subarray(offset, offset + slice)
    await write(part, delivery)
    if (slow !== undefined) {
      await sleep((part.length / slow.bytesPerSecond) * 1000, undefined, { signal: delivery.signal })
    }
  }
}

/** Waits until the bytes have left the process, so that what ends the connection does not overtake them. */
async function write(part: Buffer, { response, signal, onSent }: FaultyDelivery): Promise<void> {
  signal.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    const abort = (): void => {
      reject(new Error('the client is gone'))
    }
    signal.addEventListener('abort', abort, { once: true })
    response.write(part, (error) => {
      signal.removeEventListener('abort', abort)
      if (error instanceof Error) reject(error)
      else resolve()
    })
  })
  onSent(part.length)
}
