/** Starts a connection pool on a worker thread and forwards its reports. */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { ConnectionPool, PoolReports } from './connection-pool.ts'
import type { PoolSettings, VersionedCredentials, PartDone, PartJob } from './part-job.ts'
import { fromMessage, type ErrorMessage } from './transfer-error.ts'

export type ToWorker = { readonly jobs: readonly PartJob[] } | { readonly credentials: VersionedCredentials }

export type FromWorker =
  | { readonly progress: number; readonly done: readonly PartDone[] }
  | { readonly retried: ErrorMessage }
  | { readonly expired: ErrorMessage; readonly generation: number }
  | { readonly failed: ErrorMessage }

/** A pool that loads its code and connects while the listing is still under way. */
export interface StartedPool {
  /** Called once. */
  attach(reports: PoolReports): ConnectionPool
  stop(): Promise<void>
}

/** Limits of a heap that holds little more than the code: without them V8 lets garbage pile up. */
const resourceLimits = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 }

export function startWorkerPool(settings: PoolSettings): StartedPool {
  // In this directory: .ts in the source tree, .js in the build. Without the main thread's loader flags and environment.
  const file = new URL(`./worker${extname(import.meta.filename)}`, import.meta.url)
  const worker = new Worker(file, { workerData: settings, execArgv: [], env: {}, resourceLimits })
  const broken = Promise.withResolvers<Error>()
  let stopped = false
  worker.on('error', (error) => {
    broken.resolve(error instanceof Error ? error : new Error(String(error)))
  })
  worker.on('exit', (code) => {
    broken.resolve(new Error(`a worker thread ended with ${code}`))
  })
  const stop = async (): Promise<void> => {
    stopped = true
    await worker.terminate()
  }
  return {
    stop,
    attach: (reports) => {
      worker.on('message', (message: FromWorker) => {
        if (!stopped) pass(message, reports)
      })
      void broken.promise.then((error) => {
        if (!stopped) reports.failed(error)
      })
      return {
        use: (kept) => {
          worker.postMessage({ credentials: kept } satisfies ToWorker)
        },
        add: (jobs) => {
          worker.postMessage({ jobs } satisfies ToWorker)
        },
        stop,
      }
    },
  }
}

function pass(message: FromWorker, reports: PoolReports): void {
  if ('progress' in message) reports.progress(message.progress, message.done)
  else if ('retried' in message) reports.retried(fromMessage(message.retried))
  else if ('expired' in message) reports.expired(fromMessage(message.expired), message.generation)
  else reports.failed(fromMessage(message.failed))
}
