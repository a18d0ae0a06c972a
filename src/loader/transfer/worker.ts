/** The worker thread of a connection pool. */
import { parentPort, workerData } from 'node:worker_threads'
import { trustAlso } from '../../network/trust.ts'
import { LocalPool } from './connection-pool.ts'
import { toMessage } from './transfer-error.ts'
import type { PoolSettings } from './part-job.ts'
import type { FromWorker, ToWorker } from './worker-pool.ts'

if (parentPort === null) throw new Error('this file is started as a worker')
const port = parentPort
const send = (message: FromWorker): void => {
  port.postMessage(message)
}

const settings = workerData as PoolSettings
trustAlso(settings.origin.alsoTrusted)
const pool = new LocalPool(settings, {
  progress: (bytes, parts) => {
    send({ progress: bytes, done: parts })
  },
  retried: (error) => {
    send({ retried: toMessage(error) })
  },
  expired: (error, generation) => {
    send({ expired: toMessage(error), generation })
  },
  failed: (error) => {
    send({ failed: toMessage(error) })
  },
})

pool.connect()

port.on('message', (message: ToWorker) => {
  if ('jobs' in message) pool.add(message.jobs)
  else pool.use(message.credentials)
})
