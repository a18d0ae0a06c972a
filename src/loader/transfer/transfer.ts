/**
 * Moves the bytes of S3 objects into files: parts in, a report for each part that is in its file. Signed requests pinned to
 * an ETag, retries, no byte unaccounted for; what the parts mean, and whether they make up a model, is the caller's business.
 */
import { keepCredentials, type CredentialsKeeper, type CredentialsSource } from './credentials-cache.ts'
import { Dispatch } from './part-scheduler.ts'
import type { CrewSettings, Origin, PartDone, PartJob, RetryPolicy } from './part-job.ts'
import { keepYoungHeapSmall } from './v8-flags.ts'
import { TransferError } from './transfer-error.ts'
import { startWorkerCrew, type StartedCrew } from './worker-pool.ts'

export type { CrcAlgorithm } from './crc.ts'
export type { Origin, PartDone, PartJob } from './part-job.ts'
export { TransferError, type TransferErrorKind } from './transfer-error.ts'

/** What is known before it is known what there is to move. */
export interface TransferSettings {
  readonly origin: Origin
  readonly region: string
  /** Threads. */
  readonly workers: number
  readonly connectionsPerWorker: number
  readonly stallTimeoutMs: number
  readonly fileMode: number
  /** `part`: the file's data is on the disk before a part is reported. */
  readonly sync?: 'part' | 'none'
  readonly retries?: Partial<RetryPolicy>
}

export interface TransferOptions {
  /** undefined: anonymous. Called again now and then, and with true when S3 says that the last ones have expired. */
  readonly credentials: CredentialsSource
  readonly signal: AbortSignal
  readonly onProgress: (bytes: number) => void
  /** For a log: a try that failed and is repeated. */
  readonly onRetry?: (error: Error) => void
}

/** Resolves when `onDone` has dealt with the last part; rejects with the first error, or with the signal's reason. */
type Move = (
  parts: Iterable<PartJob> | AsyncIterable<PartJob>,
  onDone: (done: PartDone) => void | Promise<void>,
  options: TransferOptions,
) => Promise<void>

export interface StartedTransfer {
  /** Once; leaves nothing behind. */
  readonly move: Move
  readonly stop: () => Promise<void>
}

/** Where the code of a crew is loaded is its own business: this thread does without TLS, which takes 60 ms to load. */
export type StartCrew = (settings: CrewSettings) => StartedCrew

const defaultRetries: RetryPolicy = { tries: 10, firstDelayMs: 100, longestDelayMs: 20_000 }
const longestIdleMs = 30_000

/** Threads take a tenth of a second to load their code and to connect: best started while credentials and a listing are awaited. */
export function startTransfer(settings: TransferSettings, startCrew: StartCrew = startWorkerCrew): StartedTransfer {
  keepYoungHeapSmall()
  const crews = startCrews(settings, startCrew)
  const stop = async (): Promise<void> => {
    await Promise.all(crews.map((crew) => crew.stop()))
  }
  const move: Move = async (parts, onDone, options) => {
    const end = new AbortController()
    const over = AbortSignal.any([options.signal, end.signal])
    const dispatch = new Dispatch({
      connections: settings.connectionsPerWorker,
      onDone,
      onProgress: options.onProgress,
      onFailed: (error) => {
        end.abort(error)
      },
    })
    try {
      over.throwIfAborted()
      await untilOver(over, work(parts, dispatch, { settings, options, crews, end, over }))
    } finally {
      end.abort()
      dispatch.wake()
      await Promise.all([...dispatch.crews.map((crew) => crew.stop()), stop()])
    }
  }
  return { move, stop }
}

interface Work {
  readonly settings: TransferSettings
  readonly options: TransferOptions
  readonly crews: readonly StartedCrew[]
  readonly end: AbortController
  readonly over: AbortSignal
}

async function work(
  parts: Parameters<Move>[0],
  dispatch: Dispatch,
  { settings, options, crews, end, over }: Work,
): Promise<void> {
  const keeper = await keepCredentials(
    options.credentials,
    {
      renewed: (credentials) => {
        for (const crew of dispatch.crews) crew.use(credentials)
      },
      failed: (error) => {
        end.abort(error)
      },
    },
    over,
  )
  over.throwIfAborted()
  watch(dispatch, { stallTimeoutMs: settings.stallTimeoutMs, keeper, end, over })
  for (const crew of crews) {
    dispatch.seat((reports) =>
      crew.engage({
        ...reports,
        retried: (error) => {
          dispatch.lastTrouble = error
          options.onRetry?.(error)
        },
        expired: (error, generation) => {
          keeper.expired(error, generation)
        },
        failed: (error) => {
          end.abort(error)
        },
      }),
    )
  }
  for (const crew of dispatch.crews) crew.use(keeper.first)
  await dispatch.deal(parts, over)
}

function startCrews(given: TransferSettings, startCrew: StartCrew): readonly StartedCrew[] {
  const settings: CrewSettings = {
    origin: { ...given.origin, host: given.origin.host.replace(/^\[(.*)\]$/, '$1') },
    region: given.region,
    connections: given.connectionsPerWorker,
    idleLimitMs: Math.min(given.stallTimeoutMs / 2, longestIdleMs),
    retries: { ...defaultRetries, ...given.retries },
    fileMode: given.fileMode,
    sync: given.sync ?? 'none',
  }
  return Array.from({ length: given.workers }, () => startCrew(settings))
}

/** Rejects as soon as it is over, whatever still goes on; what is left behind fails without a sound. */
async function untilOver<T>(over: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => {
    aborted.reject(over.reason as Error)
  }
  over.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, aborted.promise])
  } finally {
    over.removeEventListener('abort', abort)
  }
}

function watch(
  dispatch: Dispatch,
  {
    stallTimeoutMs,
    keeper,
    end,
    over,
  }: { stallTimeoutMs: number; keeper: CredentialsKeeper; end: AbortController; over: AbortSignal },
): void {
  const watchdog = setInterval(
    () => {
      if (keeper.isRefreshing()) dispatch.forgive()
      if (dispatch.silentMs(performance.now()) <= stallTimeoutMs) return
      const trouble = dispatch.lastTrouble === undefined ? '' : `; the last error: ${dispatch.lastTrouble.message}`
      end.abort(new TransferError(`not one byte in ${stallTimeoutMs / 1000} s${trouble}`, { kind: 'stalled', key: '' }))
    },
    Math.min(1000, stallTimeoutMs / 4),
  )
  over.addEventListener(
    'abort',
    () => {
      clearInterval(watchdog)
    },
    { once: true },
  )
}
