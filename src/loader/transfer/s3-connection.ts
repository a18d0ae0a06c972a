/**
 * One kept-alive connection with one buffer: sends a GET, reads the response into the buffer and passes the body on in large
 * pieces. A socket's stream would cost an allocation and several calls per TLS record; here a record is decrypted into the
 * buffer from which the file is written. Only bodies with a Content-Length are supported.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type SecureContext } from 'node:tls'
import type { Origin } from './part-job.ts'
import { MalformedAnswer, parseHead, type Head } from './response.ts'

const pieceBytes = 256 * 1024
const headBytes = 32 * 1024
const errorBodyBytes = 64 * 1024
/** Pieces end on a multiple of this in the file, so that no page is written twice. */
const pageBytes = 4096
const endOfHead = Buffer.from('\r\n\r\n')

export interface ResponseSink {
  /** Decides by the head if the body is written. Throws to refuse the response and the connection. */
  accept(head: Head): boolean
  /** The bytes are valid until it returns. */
  write(piece: Uint8Array): void
}

export interface GetResult {
  readonly head: Head
  readonly accepted: boolean
  /** Body of a response that was not accepted. */
  readonly text: string
}

interface Exchange {
  readonly sink: ResponseSink
  readonly request: string
  resolve(answer: GetResult): void
  reject(error: Error): void
}

type Stage =
  | { readonly name: 'idle' }
  | { readonly name: 'head' }
  | { readonly name: 'body'; readonly head: Head; left: number }
  | { readonly name: 'refusal'; readonly head: Head; readonly start: number }

const idle: Stage = { name: 'idle' }

export interface S3ConnectionOptions {
  readonly origin: Origin
  readonly secureContext: SecureContext | undefined
  readonly connectLimitMs: number
  readonly idleLimitMs: number
}

export class S3Connection {
  readonly #options: S3ConnectionOptions
  readonly #buffer = Buffer.allocUnsafeSlow(pieceBytes)
  #socket: Socket | undefined
  #connected = false
  #exchange: Exchange | undefined
  #stage: Stage = idle
  /** The buffer holds bytes from #start to #filled and may be filled up to #limit. */
  #start = 0
  #filled = 0
  #limit = pieceBytes
  #received = 0
  #watch = { received: 0, since: 0 }
  #reused = false
  #timedOut = false

  constructor(options: S3ConnectionOptions) {
    this.#options = options
  }

  /** True if the last response failed before its first byte on a reused connection: the server had closed it. */
  get wasStale(): boolean {
    return this.#reused && this.#received === 0 && !this.#timedOut
  }

  /** Connects ahead of the first GET; after a failure, that GET connects again and reports the error. */
  connect(): void {
    if (this.#socket === undefined) this.#connect()
  }

  get(request: string, sink: ResponseSink): Promise<GetResult> {
    return new Promise((resolve, reject) => {
      this.#exchange = { sink, request, resolve, reject }
      this.#stage = { name: 'head' }
      this.#received = 0
      this.#watch = { received: 0, since: performance.now() }
      this.#timedOut = false
      this.#reused = this.#connected
      if (this.#connected) this.#socket?.write(request, 'latin1')
      else this.connect()
    })
  }

  /** Called periodically: closes a connection that receives nothing. */
  check(now: number): void {
    if (this.#exchange === undefined) return
    if (this.#received !== this.#watch.received) this.#watch = { received: this.#received, since: now }
    const limit = this.#connected ? this.#options.idleLimitMs : this.#options.connectLimitMs
    if (now - this.#watch.since <= limit) return
    this.#timedOut = true
    this.close(Object.assign(new Error(`no byte for ${Math.round(limit / 1000)} s`), { code: 'ETIMEDOUT' }))
  }

  close(error: Error = new Error('closed')): void {
    const socket = this.#socket
    this.#forget()
    socket?.destroy()
    this.#fail(error)
  }

  #connect(): void {
    const socket = this.#open()
    this.#socket = socket
    let problem: Error | undefined
    socket.on('error', (error) => {
      problem = error
    })
    socket.on('end', () => {
      this.#ended(socket, new Error('the connection was closed early'))
    })
    socket.on('close', () => {
      this.#ended(socket, problem ?? new Error('the connection was closed early'))
    })
  }

  #open(): Socket {
    const { origin, secureContext } = this.#options
    const { host, port } = origin
    const onread = {
      // Called again after every read.
      buffer: () => this.#buffer.subarray(this.#filled, this.#limit),
      callback: (bytes: number) => {
        this.#read(socket, bytes)
        return true
      },
    }
    const common = { host, port, onread, noDelay: true, keepAlive: true }
    const opened = () => {
      this.#opened(socket)
    }
    const socket: Socket =
      origin.protocol === 'http:'
        ? connectTcp(common, opened)
        : connectTls(
            { ...common, ...(secureContext && { secureContext }), ...(isIP(host) === 0 && { servername: host }) },
            opened,
          )
    return socket
  }

  #opened(socket: Socket): void {
    if (socket !== this.#socket) return
    this.#connected = true
    if (this.#exchange === undefined) return
    this.#watch = { received: 0, since: performance.now() }
    socket.write(this.#exchange.request, 'latin1')
  }

  /** Catches every error: none may escape into the socket's native code. */
  #read(socket: Socket, bytes: number): void {
    if (socket !== this.#socket) return
    this.#received += bytes
    this.#filled += bytes
    try {
      this.#advance()
    } catch (error) {
      this.close(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #advance(): void {
    const stage = this.#stage
    switch (stage.name) {
      case 'head': {
        this.#readHead()
        break
      }
      case 'body': {
        if (this.#filled === this.#limit) this.#flush(stage)
        break
      }
      case 'refusal': {
        this.#readRefusal(stage.head, stage.start)
        break
      }
      case 'idle':
        throw new MalformedAnswer('a response without a request')
    }
  }

  #readHead(): void {
    const end = this.#buffer.subarray(0, this.#filled).indexOf(endOfHead)
    if (end > headBytes || (end === -1 && this.#filled > headBytes)) {
      throw new MalformedAnswer('the head of the answer does not end')
    }
    if (end === -1) return
    const head = parseHead(this.#buffer.toString('latin1', 0, end))
    const start = end + endOfHead.length
    if (isSuccess(head) && head.bodyLength === undefined) this.#finish(head, { accepted: false, text: '', keep: false })
    else if (this.#exchange?.sink.accept(head) === true) this.#startBody(head, start)
    else this.#startRefusal(head, start)
  }

  #startBody(head: Head, start: number): void {
    const length = head.bodyLength ?? 0
    if (this.#filled - start > length) throw new MalformedAnswer('the answer is longer than it says')
    const stage: Stage = { name: 'body', head, left: length }
    this.#stage = stage
    this.#start = start
    this.#limit = start + Math.min(length, pieceBytes - start - ((pieceBytes - start) % pageBytes))
    if (this.#filled >= this.#limit) this.#flush(stage)
  }

  #flush(stage: Extract<Stage, { name: 'body' }>): void {
    this.#write(stage)
    if (stage.left === 0) this.#finish(stage.head, { accepted: true, text: '', keep: stage.head.keepAlive })
    else this.#limit = Math.min(stage.left, pieceBytes)
  }

  #write(stage: Extract<Stage, { name: 'body' }>): void {
    const piece = this.#buffer.subarray(this.#start, this.#filled)
    stage.left -= piece.length
    this.#start = 0
    this.#filled = 0
    if (piece.length > 0) this.#exchange?.sink.write(piece)
  }

  #startRefusal(head: Head, start: number): void {
    this.#stage = { name: 'refusal', head, start }
    this.#readRefusal(head, start)
  }

  #readRefusal(head: Head, start: number): void {
    const length = this.#filled - start
    const text =
      head.bodyLength === undefined ? unchunk(this.#buffer.toString('latin1', start, this.#filled)) : undefined
    const whole = head.bodyLength === undefined ? text?.whole === true : length >= head.bodyLength
    if (whole || length >= errorBodyBytes) this.#finishRefusal(head, start, whole && length === head.bodyLength)
  }

  #finishRefusal(head: Head, start: number, keep: boolean): void {
    const body = this.#buffer.subarray(start, this.#filled)
    const text = head.headers.has('transfer-encoding') ? unchunk(body.toString('latin1')).text : body.toString()
    this.#finish(head, { accepted: false, text, keep: keep && head.keepAlive })
  }

  #finish(head: Head, { keep, ...result }: { accepted: boolean; text: string; keep: boolean }): void {
    const exchange = this.#exchange
    if (keep) this.#rest()
    else this.#drop()
    exchange?.resolve({ head, ...result })
  }

  #rest(): void {
    this.#exchange = undefined
    this.#stage = idle
    this.#start = 0
    this.#filled = 0
    this.#limit = pieceBytes
  }

  #drop(): void {
    const socket = this.#socket
    this.#forget()
    this.#rest()
    socket?.destroy()
  }

  #forget(): void {
    this.#socket = undefined
    this.#connected = false
  }

  #ended(socket: Socket, error: Error): void {
    if (socket !== this.#socket) return
    this.#forget()
    socket.destroy()
    if (this.#stage.name === 'refusal') this.#finishRefusal(this.#stage.head, this.#stage.start, false)
    else this.#fail(error)
  }

  /** Writes the bytes received so far, so that the next attempt continues after them. */
  #fail(error: Error): void {
    const exchange = this.#exchange
    const stage = this.#stage
    try {
      if (stage.name === 'body' && exchange !== undefined) this.#write(stage)
    } catch {
      // The first error is the one to report.
    }
    this.#rest()
    exchange?.reject(error)
  }
}

function isSuccess({ status }: Head): boolean {
  return status >= 200 && status <= 299
}

/** Decodes chunked encoding, well enough for the text of an error; bodies of objects never get here. */
function unchunk(raw: string): { readonly text: string; readonly whole: boolean } {
  let text = ''
  let rest = raw
  for (;;) {
    const size = /^([0-9a-fA-F]{1,8})[^\r\n]*\r\n/.exec(rest)
    if (size === null) return { text, whole: false }
    const length = Number.parseInt(size[1] ?? '0', 16)
    if (length === 0) return { text, whole: true }
    text += rest.slice(size[0].length, size[0].length + length)
    rest = rest.slice(size[0].length + length + 2)
  }
}
