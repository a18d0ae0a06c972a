/** The worker of s3-thread.ts: the only thread that loads the SDK. */
import { parentPort } from 'node:worker_threads'
import { trustAlso } from '../network/trust.ts'
import { collectGarbage } from './collect-garbage.ts'
import { s3Client } from './s3.ts'
import { S3Error, type S3Calls, type S3Credentials } from './s3-api.ts'
import type { FromS3Thread, S3ThreadStart, ToS3Thread } from './s3-thread.ts'

trustAlso(process.env.MODEL_CA_CERTIFICATES)
/** Garbage of a call, in answers about one object: a page of 1000 objects leaves more than 1 MB. */
const garbageOf = { page: 250, head: 1, read: 1 } as const
/** Between two garbage collections: what moves the bytes runs already, and needs the memory. */
const mostGarbage = 1000
let garbage = 0
const waiting: ((credentials: S3Credentials) => void)[] = []
let calls: S3Calls | undefined

parentPort?.on('message', (message: ToS3Thread) => {
  if ('start' in message) calls = startCalls(message.start)
  else if ('call' in message) void answer(message.id, message.call, message.args)
  else if (message.credentials !== undefined) for (const resolve of waiting.splice(0)) resolve(message.credentials)
})

function startCalls({ region, endpoint, anonymous }: S3ThreadStart): S3Calls {
  return s3Client({
    region,
    endpoint,
    credentials: anonymous ? undefined : askCredentials,
    signal: new AbortController().signal,
  })
}

function askCredentials(refresh: boolean): Promise<S3Credentials> {
  post({ askCredentials: refresh })
  return new Promise((resolve) => {
    waiting.push(resolve)
  })
}

async function answer(id: number, method: keyof S3Calls, args: readonly unknown[]): Promise<void> {
  try {
    garbage += garbageOf[method]
    if (garbage >= mostGarbage) {
      collectGarbage()
      garbage = 0
    }
    const call = calls?.[method] as (...given: readonly unknown[]) => Promise<unknown>
    post({ id, value: await call(...args) })
  } catch (error) {
    if (error instanceof S3Error) post({ id, problem: error.problem })
    else {
      post({
        id,
        error:
          error instanceof Error
            ? { name: error.name, message: error.message }
            : { name: 'Error', message: String(error) },
      })
    }
  }
}

function post(message: FromS3Thread): void {
  parentPort?.postMessage(message)
}
