/**
 * Moves the bytes of S3 objects into files: parts in, a report for each part that is in its file. Signed requests pinned to
 * an ETag, retries, no byte unaccounted for; what the parts mean, and whether they make up a model, is the caller's business.
 */
import { LocalCrew, type Crew, type CrewReports } from './crew.ts'
import { keepCredentials, type CredentialsKeeper, type CredentialsSource } from './credentials.ts'
import { Dispatch } from './dispatch.ts'
import type { CrewSettings, KeptCredentials, Origin, PartDone, PartJob, RetryPolicy } from './part.ts'
import { keepYoungHeapSmall } from './young-heap.ts'
import { TransferError } from './transfer-error.ts'
import { startWorkerCrew } from './worker-crew.ts'

export type { CrcAlgorithm } from './crc.ts'
export type { Origin, PartDone, PartJob, RetryPolicy, TransferCredentials } from './part.ts'
export { TransferError, type TransferErrorKind } from './transfer-error.ts'

export interface TransferOptions {
  readonly origin: Origin
  readonly region: string
  /** undefined: anonymous. Called again now and then, and with true when S3 says that the last ones have expired. */
  readonly credentials: CredentialsSource
  /** Threads; 0 to stay on this one, as happens with a small total anyway. */
  readonly workers: number
  readonly connectionsPerWorker: number
  readonly stallTimeoutMs: number
  readonly signal: AbortSignal
  readonly fileMode: number
  /** `part`: the file's data is on the disk before a part is reported. */
  readonly sync?: 'part' | 'none'
  readonly retries?: Partial<RetryPolicy>
  readonly onProgress: (bytes: number) => void
  /** For a log: a try that failed and is repeated. */
  readonly onRetry?: (error: Error) => void
}

const defaultRetries: RetryPolicy = { tries: 10, firstDelayMs: 100, longestDelayMs: 20_000 }
const longestIdleMs = 30_000
/** Below it, starting a thread takes longer than the work. */
const smallJobs = 64
const smallBytes = 16 * 1024 * 1024

/** Resolves when `onDone` has dealt with the last part; rejects with the first error, or with the signal's reason. */
export async function transfer(
  parts: Iterable<PartJob> | AsyncIterable<PartJob>,
  onDone: (done: PartDone) => void | Promise<void>,
  options: TransferOptions,
): Promise<void> {
  keepYoungHeapSmall()
  const end = new AbortController()
  const over = AbortSignal.any([options.signal, end.signal])
  over.throwIfAborted()
  const { connectionsPerWorker: connections, onProgress } = options
  const dispatch = new Dispatch({ connections, onDone, onProgress, onFailed: (error) => { end.abort(error) } })
  const keeper = await untilOver(over, keepCredentials(options.credentials, {
    renewed: (credentials) => { for (const crew of dispatch.crews) crew.use(credentials) },
    failed: (error) => { end.abort(error) },
  }, over))
  const watchdog = watch(dispatch, { options, keeper, end, over })
  try {
    await untilOver(over, run(parts, dispatch, { options, keeper, end, over }))
  } finally {
    clearInterval(watchdog)
    end.abort()
    dispatch.wake()
    await Promise.all(dispatch.crews.map((crew) => crew.stop()))
  }
}

interface Run {
  readonly options: TransferOptions
  readonly keeper: CredentialsKeeper
  readonly end: AbortController
  readonly over: AbortSignal
}

async function run(parts: Iterable<PartJob> | AsyncIterable<PartJob>, dispatch: Dispatch, { options, keeper, end, over }: Run): Promise<void> {
  const { few, all } = await peek(parts)
  over.throwIfAborted()
  const threads = few ? 0 : options.workers
  for (let i = 0; i < Math.max(1, threads); i++) {
    dispatch.seat((reports) => startCrew(threads > 0, options, keeper.first, {
      ...reports,
      retried: (error) => {
        dispatch.lastTrouble = error
        options.onRetry?.(error)
      },
      expired: (error, generation) => { keeper.expired(error, generation) },
      failed: (error) => { end.abort(error) },
    }))
  }
  await dispatch.deal(all, over)
}

function startCrew(onThread: boolean, options: TransferOptions, credentials: KeptCredentials, reports: CrewReports): Crew {
  const settings: CrewSettings = {
    origin: { ...options.origin, host: options.origin.host.replace(/^\[(.*)\]$/, '$1') },
    region: options.region,
    connections: options.connectionsPerWorker,
    idleLimitMs: Math.min(options.stallTimeoutMs / 2, longestIdleMs),
    retries: { ...defaultRetries, ...options.retries },
    fileMode: options.fileMode,
    sync: options.sync ?? 'none',
  }
  return onThread ? startWorkerCrew(settings, credentials, reports) : new LocalCrew(settings, credentials, reports)
}

/** Rejects as soon as it is over, whatever still goes on; what is left behind fails without a sound. */
async function untilOver<T>(over: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => { aborted.reject(over.reason as Error) }
  over.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, aborted.promise])
  } finally {
    over.removeEventListener('abort', abort)
  }
}

function watch(dispatch: Dispatch, { options: { stallTimeoutMs }, keeper, end }: Run): NodeJS.Timeout {
  return setInterval(() => {
    if (keeper.isRefreshing()) dispatch.forgive()
    if (dispatch.silentMs(performance.now()) <= stallTimeoutMs) return
    const trouble = dispatch.lastTrouble === undefined ? '' : `; the last error: ${dispatch.lastTrouble.message}`
    end.abort(new TransferError(`no byte came for ${stallTimeoutMs / 1000} s${trouble}`, { kind: 'stalled', key: '' }))
  }, Math.min(1000, stallTimeoutMs / 4))
}

/** Looks at the first parts to tell whether these are all, and few; gives them back in front of the rest. */
async function peek(parts: Iterable<PartJob> | AsyncIterable<PartJob>): Promise<{ few: boolean; all: AsyncIterable<PartJob> }> {
  const iterator = Symbol.asyncIterator in parts ? parts[Symbol.asyncIterator]() : parts[Symbol.iterator]()
  const first: PartJob[] = []
  let bytes = 0
  while (first.length < smallJobs && bytes < smallBytes) {
    const next = await iterator.next()
    if (next.done === true) return { few: true, all: again(first, iterator) }
    first.push(next.value)
    bytes += next.value.length
  }
  return { few: false, all: again(first, iterator) }
}

async function* again(first: readonly PartJob[], iterator: Iterator<PartJob> | AsyncIterator<PartJob>): AsyncIterable<PartJob> {
  try {
    yield* first
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value
  } finally {
    await iterator.return?.()
  }
}
