/**
 * A bare reader: two threads with 16 TLS connections each, read into fixed buffers and written to files. No listing,
 * signature, check, retry or journal, so that the table tells what of a loader's time Node takes for the bytes alone. No bound:
 * another way to read may be faster. Environment: ORIGIN, CA, PREFIX, COUNT, BYTES (of each object), DESTINATION.
 */
import { closeSync, constants, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { connect, createSecureContext, type SecureContext } from 'node:tls'
import { isMainThread, Worker, workerData } from 'node:worker_threads'

interface Part {
  readonly key: string
  readonly file: string
  readonly offset: number
  readonly length: number
}

const threads = 2
const connectionsPerThread = 16
const partBytes = 16 * 1024 * 1024
const pieceBytes = 256 * 1024
const endOfHead = '\r\n\r\n'
const { ORIGIN = '', CA = '', PREFIX = '', COUNT = '', BYTES = '', DESTINATION = '' } = process.env

if (isMainThread) {
  mkdirSync(DESTINATION, { recursive: true })
  for (let thread = 0; thread < threads; thread++) new Worker(import.meta.filename, { workerData: thread })
} else {
  const parts = allParts().filter((_, i) => i % threads === workerData)
  const secureContext = createSecureContext({ ca: readFileSync(CA) })
  for (let i = 0; i < connectionsPerThread; i++) fetchAll(parts, secureContext)
}

function allParts(): Part[] {
  return Array.from({ length: Number(COUNT) }, (_, i) => `${String(i).padStart(6, '0')}.bin`).flatMap((name) =>
    Array.from({ length: Math.ceil(Number(BYTES) / partBytes) }, (_, i): Part => {
      const offset = i * partBytes
      return {
        key: PREFIX + name,
        file: join(DESTINATION, name),
        offset,
        length: Math.min(partBytes, Number(BYTES) - offset),
      }
    }),
  )
}

/** Over one connection, until no part is left for it. */
function fetchAll(parts: Part[], secureContext: SecureContext): void {
  const { hostname: host, port } = new URL(ORIGIN)
  const buffer = Buffer.allocUnsafeSlow(pieceBytes)
  let part: Part | undefined
  let descriptor: number | undefined
  let offset = 0
  let left = 0
  // Bytes of the buffer.
  let start = 0
  let filled = 0
  let limit = pieceBytes

  const onread = {
    buffer: () => buffer.subarray(filled, limit),
    callback: (bytes: number) => {
      filled += bytes
      if (descriptor === undefined) readHead()
      else if (filled === limit) write(descriptor)
      return true
    },
  }
  // tls.connect knows the onread of net.connect, and its types do not.
  const options = { host, port: Number(port), secureContext, onread }
  const socket = connect(options, ask)
  socket.on('error', (error) => {
    throw error
  })

  function ask(): void {
    part = parts.shift()
    if (part === undefined) {
      socket.destroy()
      return
    }
    offset = part.offset
    left = part.length
    descriptor = undefined
    rewind(pieceBytes)
    const range = left === Number(BYTES) ? '' : `Range: bytes=${offset}-${offset + left - 1}\r\n`
    socket.write(`GET /bucket/${part.key} HTTP/1.1\r\nHost: ${host}:${port}\r\n${range}\r\n`, 'latin1')
  }

  function readHead(): void {
    const end = buffer.subarray(0, filled).indexOf(endOfHead)
    if (end === -1 || part === undefined) return
    const head = buffer.toString('latin1', 0, end)
    if (!head.startsWith('HTTP/1.1 20')) throw new Error(head)
    descriptor = openSync(part.file, constants.O_WRONLY | constants.O_CREAT)
    start = end + endOfHead.length
    limit = Math.min(pieceBytes, start + left)
    if (filled === limit) write(descriptor)
  }

  function write(file: number): void {
    writeSync(file, buffer, start, filled - start, offset)
    offset += filled - start
    left -= filled - start
    rewind(Math.min(pieceBytes, left))
    if (left > 0) return
    closeSync(file)
    ask()
  }

  function rewind(to: number): void {
    start = 0
    filled = 0
    limit = to
  }
}
