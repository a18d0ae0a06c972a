/**
 * Runs S3 calls on a thread that ends with the listing: the SDK and its garbage take 35 to 100 MB, and the loader has to stay
 * small while it downloads.
 */
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import {
  S3Error,
  type ObjectHead,
  type Page,
  type S3,
  type S3Calls,
  type S3Credentials,
  type S3Options,
  type S3Problem,
} from './s3-api.ts'
import { s3Over } from './s3-over.ts'

export type S3ThreadStart = Pick<S3Options, 'region' | 'endpoint'> & { readonly anonymous: boolean }

export type ToS3Thread =
  | { readonly start: S3ThreadStart }
  | { readonly id: number; readonly call: keyof S3Calls; readonly args: readonly unknown[] }
  | { readonly credentials: S3Credentials | undefined; readonly problem?: string }

export type FromS3Thread =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly problem: S3Problem }
  | { readonly id: number; readonly error: { readonly name: string; readonly message: string } }
  | { readonly askCredentials: boolean }

interface Pending {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

const resourceLimits = { maxYoungGenerationSizeMb: 4 }
let prepared: Worker | undefined

/**
 * Starts the thread for the next call of s3OnThread(). The SDK takes a tenth of a second to load, during which the caller can
 * work. An unused thread keeps no process alive.
 */
export function prepareS3Thread(): void {
  prepared ??= startThread()
  prepared.unref()
}

export function s3OnThread({ region, endpoint, credentials, signal, longestListingMs }: S3Options): S3 {
  const worker = prepared ?? startThread()
  prepared = undefined
  worker.ref()
  worker.postMessage({ start: { region, endpoint, anonymous: credentials === undefined } } satisfies ToS3Thread)
  const pending = new Map<number, Pending>()
  let failure: Error | undefined
  let nextId = 0
  const end = (reason: unknown): void => {
    failure ??= reason instanceof Error ? reason : new Error('S3 cannot be asked any more', { cause: reason })
    for (const { reject } of pending.values()) reject(failure)
    pending.clear()
    signal.removeEventListener('abort', abort)
    void worker.terminate()
  }
  const abort = (): void => {
    end(signal.reason)
  }
  signal.addEventListener('abort', abort)
  worker.on('error', end)
  worker.on('exit', (code) => {
    end(new Error(`the thread that asks S3 ended with ${code}`))
  })
  worker.on('message', (message: FromS3Thread) => {
    if ('askCredentials' in message) {
      // An error of the credentials ends the load with its own reason, not with the response of S3.
      credentials?.(message.askCredentials).then((value) => {
        worker.postMessage({ credentials: value } satisfies ToS3Thread)
      }, end)
      return
    }
    settle(message, pending)
  })
  const call = (method: keyof S3Calls, args: readonly unknown[]): Promise<unknown> => {
    if (failure !== undefined) return Promise.reject(failure)
    const id = nextId++
    worker.postMessage({ id, call: method, args } satisfies ToS3Thread)
    return new Promise((resolve, reject) => {
      pending.set(id, { resolve, reject })
    })
  }
  const calls: S3Calls = {
    page: async (...args) => (await call('page', args)) as Page,
    head: async (...args) => (await call('head', args)) as ObjectHead,
    read: async (...args) => (await call('read', args)) as Uint8Array,
  }
  const close = (): void => {
    end(new Error('closed'))
  }
  return s3Over(calls, close, { longestListingMs })
}

function startThread(): Worker {
  return new Worker(new URL(`./s3-worker${extname(import.meta.filename)}`, import.meta.url), {
    execArgv: [],
    resourceLimits,
  })
}

function settle(message: Exclude<FromS3Thread, { askCredentials: boolean }>, pending: Map<number, Pending>): void {
  const waiting = pending.get(message.id)
  pending.delete(message.id)
  if ('value' in message) waiting?.resolve(message.value)
  else if ('problem' in message) waiting?.reject(new S3Error(message.problem, undefined))
  else {
    waiting?.reject(
      message.error.name === 'RangeError' ? new RangeError(message.error.message) : new Error(message.error.message),
    )
  }
}
