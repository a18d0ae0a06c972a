/** The thread that parses one configuration, beside the event loop, and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { parseConfig } from '../config/parse-config.ts'
import { partsOf, type ParsedPart, type ParseTask } from './parsed-parts.ts'

const port = parentPort
if (port === null) throw new Error('this module runs as a thread')
const { text, loaderImage } = workerData as ParseTask
const parts = partsOf(parseConfig(text, loaderImage))
const sendNext = (): void => {
  port.postMessage(parts.next().value satisfies ParsedPart | undefined)
}
port.on('message', sendNext)
sendNext()
