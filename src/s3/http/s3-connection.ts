/** One kept-alive connection: connects, sends one request at a time, and detects stalls and closed sockets. */
import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net'
import type { ConnectionOptions, SecureContext } from 'node:tls'
import type { Origin } from '../origin.ts'
import { ResponseReader, type ExchangeResult, type ResponseSink } from './response-reader.ts'
import { openTunnel } from './tunnel.ts'

interface Exchange {
  readonly request: string
  resolve(answer: ExchangeResult): void
  reject(error: Error): void
}

export interface S3ConnectionOptions {
  readonly origin: Origin
  readonly secureContext: SecureContext | undefined
  readonly connectLimitMs: number
  readonly idleLimitMs: number
}

export class S3Connection {
  readonly #options: S3ConnectionOptions
  readonly #reader = new ResponseReader((result, keep) => {
    this.#finish(result, keep)
  })
  #socket: Socket | undefined
  #connected = false
  #exchange: Exchange | undefined
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

  /** Connects ahead of the first request; after a failure, that one connects again and reports the error. */
  connect(): void {
    if (this.#socket === undefined) this.#connect()
  }

  ask(request: string, sink: ResponseSink): Promise<ExchangeResult> {
    return new Promise((resolve, reject) => {
      this.#exchange = { request, resolve, reject }
      this.#reader.expect(sink, !request.startsWith('HEAD '))
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
    const { origin } = this.#options
    if (origin.proxy === undefined) this.#adopt(this.#open())
    else this.#adopt(openTunnel(origin.proxy, origin, this.#secureTunnel))
  }

  #adopt(socket: Socket): void {
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
    const onread = {
      // Called again after every read.
      buffer: () => this.#reader.free(),
      callback: (bytes: number) => {
        this.#read(socket, bytes)
        return true
      },
    }
    const socket = openSocket(this.#options, onread, () => {
      this.#opened(socket)
    })
    return socket
  }

  /** TLS over a connection to a proxy has no `onread`: its bytes are copied. */
  readonly #secureTunnel = (): void => {
    const tunnel = this.#socket
    if (tunnel === undefined) return
    const socket = connectTls({ ...tlsOptions(this.#options), socket: tunnel }, () => {
      this.#opened(socket)
    })
    this.#adopt(socket)
    socket.on('data', (bytes: Buffer) => {
      for (let at = 0; at < bytes.length && socket === this.#socket; ) {
        const copied = bytes.copy(this.#reader.free(), 0, at)
        at += copied
        this.#read(socket, copied)
      }
    })
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
    try {
      this.#reader.read(bytes)
    } catch (error) {
      this.close(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #finish(result: ExchangeResult, keep: boolean): void {
    const exchange = this.#exchange
    if (keep) this.#rest()
    else this.#drop()
    exchange?.resolve(result)
  }

  #rest(): void {
    this.#exchange = undefined
    this.#reader.reset()
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
    if (!this.#reader.endWithConnection()) this.#fail(error)
  }

  #fail(error: Error): void {
    const exchange = this.#exchange
    try {
      this.#reader.writeReceived()
    } catch {
      // The first error is the one to report.
    }
    this.#rest()
    exchange?.reject(error)
  }
}

function openSocket(options: S3ConnectionOptions, onread: OnReadOpts, opened: () => void): Socket {
  const { protocol, host, port } = options.origin
  const common = { host, port, onread, noDelay: true, keepAlive: true }
  return protocol === 'http:' ? connectTcp(common, opened) : connectTls({ ...common, ...tlsOptions(options) }, opened)
}

function tlsOptions({ origin: { host }, secureContext }: S3ConnectionOptions): ConnectionOptions {
  return { host, ...(secureContext && { secureContext }), ...(isIP(host) === 0 && { servername: host }) }
}

/** TLS takes 22 ms of CPU to load: a thread that speaks plain HTTP does without. */
function connectTls(options: ConnectionOptions, opened: () => void): Socket {
  return process.getBuiltinModule('node:tls').connect(options, opened)
}
