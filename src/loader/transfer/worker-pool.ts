/** The near end of a crew that works on another thread. */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Crew, CrewReports } from './connection-pool.ts'
import type { CrewSettings, KeptCredentials, PartDone, PartJob } from './part-job.ts'
import { fromMessage, type ErrorMessage } from './transfer-error.ts'

export type ToWorker = { readonly jobs: readonly PartJob[] } | { readonly credentials: KeptCredentials }

export type FromWorker =
  | { readonly done: readonly PartDone[] }
  | { readonly progress: number }
  | { readonly retried: ErrorMessage }
  | { readonly expired: ErrorMessage; readonly generation: number }
  | { readonly failed: ErrorMessage }

/** A crew that loads its code and connects while it is not known yet what there is to fetch. */
export interface StartedCrew {
  /** Once. */
  engage(reports: CrewReports): Crew
  stop(): Promise<void>
}

/** Of a heap that holds little more than the code: without it V8 lets garbage pile up before it looks. */
const resourceLimits = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 }

export function startWorkerCrew(settings: CrewSettings): StartedCrew {
  // Beside this file: .ts as it is written, .js as it is built. No flags of the main thread's loaders, no environment.
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
    engage: (reports) => {
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

function pass(message: FromWorker, reports: CrewReports): void {
  if ('done' in message) reports.done(message.done)
  else if ('progress' in message) reports.progress(message.progress)
  else if ('retried' in message) reports.retried(fromMessage(message.retried))
  else if ('expired' in message) reports.expired(fromMessage(message.expired), message.generation)
  else reports.failed(fromMessage(message.failed))
}
