/**
 * Transfers S3 objects into files: takes parts, and reports each part that is in its file. Requests are signed and pinned to
 * an ETag, failed ones are retried, and every byte is accounted for. The caller decides if the parts make up a model.
 */
import { startCredentialsCache, type CredentialsCache, type TransferCredentialsSource } from './credentials-cache.ts'
import { PartScheduler } from './part-scheduler.ts'
import type { Origin } from '../../s3/origin.ts'
import { longestPatienceMs, usualBackoff } from '../../s3/patience.ts'
import type { PoolSettings, PartDone, PartJob, RetryPolicy } from './part-job.ts'
import { keepYoungHeapSmall } from './v8-flags.ts'
import { TransferError } from './transfer-error.ts'
import { startWorkerPool, type StartedPool } from './worker-pool.ts'

export type { PartDone, PartJob } from './part-job.ts'
export { TransferError } from './transfer-error.ts'

/** Settings available before listing. */
export interface TransferSettings {
  readonly origin: Origin
  readonly region: string
  /** Number of threads. */
  readonly workers: number
  readonly connectionsPerWorker: number
  readonly stallTimeoutMs: number
  readonly fileMode: number
  /** Mount of the volume that the files are on: no link below it is followed. */
  readonly root?: string
  /** With `part`, the data of a part is on the disk before the part is reported. */
  readonly sync?: 'part' | 'none'
  readonly retries?: Partial<RetryPolicy>
}

export interface TransferOptions {
  /** Gives undefined for anonymous access. Called periodically, and with true when S3 rejects the last ones as expired. */
  readonly credentials: TransferCredentialsSource
  readonly signal: AbortSignal
  readonly onProgress: (bytes: number) => void
  /** Called for the log on each failed attempt that is repeated. */
  readonly onRetry?: (error: Error) => void
  /** Called with the error that ends the transfer because not one byte came. */
  readonly onStalled?: (error: TransferError) => void
}

/** Resolves when `onDone` has processed the last part; rejects with the first error, or with the signal's reason. */
type Move = (
  parts: Iterable<PartJob> | AsyncIterable<PartJob>,
  onDone: (done: PartDone) => void | Promise<void>,
  options: TransferOptions,
) => Promise<void>

export interface TransferThreads {
  /** Called once; releases all resources at the end. */
  readonly move: Move
  readonly stop: () => Promise<void>
}

/** Starts a pool. Pools load their code on their own threads: this thread does without TLS, which takes 60 ms to load. */
export type StartPool = (settings: PoolSettings) => StartedPool

const defaultRetries: RetryPolicy = { ...usualBackoff, patienceMs: longestPatienceMs }
const longestIdleMs = 30_000

/** Threads take a tenth of a second to load their code and to connect: start them before credentials and listing are awaited. */
export function startTransferThreads(
  settings: TransferSettings,
  startPool: StartPool = startWorkerPool,
): TransferThreads {
  keepYoungHeapSmall()
  const pools = startPools(settings, startPool)
  const stop = async (): Promise<void> => {
    await Promise.all(pools.map((pool) => pool.stop()))
  }
  const move: Move = async (parts, onDone, options) => {
    const end = new AbortController()
    const over = AbortSignal.any([options.signal, end.signal])
    const scheduler = new PartScheduler({
      connections: settings.connectionsPerWorker,
      onDone,
      onProgress: options.onProgress,
      onFailed: (error) => {
        end.abort(error)
      },
    })
    try {
      over.throwIfAborted()
      await untilOver(over, run(parts, scheduler, { settings, options, pools: pools, end, over }))
    } finally {
      end.abort()
      scheduler.wake()
      await Promise.all([...scheduler.pools.map((pool) => pool.stop()), stop()])
    }
  }
  return { move, stop }
}

interface RunContext {
  readonly settings: TransferSettings
  readonly options: TransferOptions
  readonly pools: readonly StartedPool[]
  readonly end: AbortController
  readonly over: AbortSignal
}

async function run(
  parts: Parameters<Move>[0],
  scheduler: PartScheduler,
  { settings, options, pools: pools, end, over }: RunContext,
): Promise<void> {
  const cache = await startCredentialsCache(
    options.credentials,
    {
      renewed: (credentials) => {
        for (const pool of scheduler.pools) pool.use(credentials)
      },
      failed: (error) => {
        end.abort(error)
      },
    },
    over,
  )
  over.throwIfAborted()
  const fail = (error: TransferError): void => {
    options.onStalled?.(error)
    end.abort(error)
  }
  watchStalls(scheduler, { stallTimeoutMs: settings.stallTimeoutMs, cache, fail, over })
  for (const pool of pools) {
    scheduler.addPool((reports) =>
      pool.attach({
        ...reports,
        retried: (error) => {
          scheduler.lastError = error
          options.onRetry?.(error)
        },
        expired: (error, generation) => {
          cache.expired(error, generation)
        },
        failed: (error) => {
          end.abort(error)
        },
      }),
    )
  }
  for (const pool of scheduler.pools) pool.use(cache.first)
  await scheduler.schedule(parts, over)
}

function startPools(given: TransferSettings, startPool: StartPool): readonly StartedPool[] {
  const settings: PoolSettings = {
    origin: { ...given.origin, host: given.origin.host.replace(/^\[(.*)\]$/, '$1') },
    region: given.region,
    connections: given.connectionsPerWorker,
    idleLimitMs: Math.min(given.stallTimeoutMs / 2, longestIdleMs),
    retries: { ...defaultRetries, ...given.retries },
    fileMode: given.fileMode,
    root: given.root,
    sync: given.sync ?? 'none',
  }
  return Array.from({ length: given.workers }, () => startPool(settings))
}

/** Rejects as soon as the signal aborts, without waiting for the work; its later errors are ignored. */
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

function watchStalls(
  scheduler: PartScheduler,
  {
    stallTimeoutMs,
    cache,
    fail,
    over,
  }: {
    readonly stallTimeoutMs: number
    readonly cache: CredentialsCache
    readonly fail: (error: TransferError) => void
    readonly over: AbortSignal
  },
): void {
  const watchdog = setInterval(
    () => {
      if (cache.isRefreshing()) scheduler.resetStallTimer()
      if (scheduler.silentMs(performance.now()) <= stallTimeoutMs) return
      const lastError = scheduler.lastError === undefined ? '' : `; the last error: ${scheduler.lastError.message}`
      fail(new TransferError(`not one byte in ${stallTimeoutMs / 1000} s${lastError}`, { kind: 'stalled', key: '' }))
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
