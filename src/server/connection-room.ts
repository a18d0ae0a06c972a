/**
 * Room for connections. A TLS connection costs memory that a waiting one does not, so those beyond the room wait, before their handshake
 * and in the order in which they came. Node alone would reset them. And it would go on with all handshakes of a burst together: each
 * would end late, and all clients would give up.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server } from 'node:https'
import type { Socket } from 'node:net'
import type { Logger } from 'pino'
import type { Clock } from './clock.ts'
import type { Limits } from './limits.ts'
import { peerOf } from './listen.ts'
import type { Metrics } from './metrics.ts'

interface Deps {
  readonly limits: Limits
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Pick<Metrics, 'countDroppedConnection' | 'setWaitingConnections'>
}

/** A connection before its first answer. */
interface First {
  readonly acceptedAtMs: number
  securedAtMs?: number
}

/** Clients also open connections ahead of need: their first request comes later than this after the handshake. */
const atOnceMs = 1000

/** A handshake that takes longer does not keep others from theirs: its client may be silent. */
const longestStartMs = 1000

/** The log says it once for a burst. */
const quietMs = 10_000

export class ConnectionRoom {
  readonly #deps: Deps
  readonly #begin: (socket: Socket) => void
  readonly #firsts = new Map<string, First>()
  readonly #waiting = new Set<Socket>()
  readonly #open = new Set<Socket>()
  /** Handshakes that have not ended, by their peer. */
  readonly #starting = new Map<string, NodeJS.Timeout>()
  /** The one that is unused for the longest time comes first. */
  readonly #unused = new Map<string, Socket>()
  #saidAtMs = -Infinity

  /** Takes over the connections of a server that has none yet. */
  constructor(server: Server, deps: Deps) {
    const { limits, metrics } = deps
    this.#deps = deps
    this.#begin = takeListener(server)
    server.maxConnections = limits.connections + limits.waitingConnections
    server.on('drop', metrics.countDroppedConnection)
    server.on('connection', (socket: Socket) => {
      this.#accept(socket)
    })
    server.on('secureConnection', (socket: Socket) => {
      const peer = peerOf(socket)
      const first = this.#firsts.get(peer)
      if (first !== undefined) first.securedAtMs = this.#nowMs
      this.#endStart(peer)
    })
    server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      const peer = peerOf(socket)
      this.#unused.delete(peer)
      response.once('close', () => {
        this.#firsts.delete(peer)
        if (!socket.destroyed) this.#unused.set(peer, socket)
      })
    })
  }

  /** True while connections wait for others to close: answers then close theirs. */
  get isFull(): boolean {
    return this.#waiting.size > 0 && this.#open.size >= this.#deps.limits.connections
  }

  /** When the client began to wait for this answer, as far as can be seen from here; by the monotonic clock. */
  waitsSinceMs({ socket }: IncomingMessage): number {
    const nowMs = this.#nowMs
    const { acceptedAtMs, securedAtMs = -Infinity } = this.#firsts.get(peerOf(socket)) ?? { acceptedAtMs: nowMs }
    return nowMs - securedAtMs < atOnceMs ? acceptedAtMs : nowMs
  }

  get #nowMs(): number {
    return this.#deps.clock.monotonicMs()
  }

  get #hasRoom(): boolean {
    const { connections, handshakes } = this.#deps.limits
    return this.#open.size < connections && this.#starting.size < handshakes
  }

  #accept(socket: Socket): void {
    const peer = peerOf(socket)
    this.#firsts.set(peer, { acceptedAtMs: this.#nowMs })
    socket.once('close', () => {
      this.#firsts.delete(peer)
      this.#unused.delete(peer)
      this.#open.delete(socket)
      this.#waiting.delete(socket)
      this.#endStart(peer)
    })
    if (this.#hasRoom) this.#enter(socket)
    else this.#wait(socket)
  }

  #enter(socket: Socket): void {
    const peer = peerOf(socket)
    const endStart = (): void => {
      this.#endStart(peer)
    }
    this.#open.add(socket)
    this.#starting.set(peer, setTimeout(endStart, longestStartMs).unref())
    this.#begin(socket)
  }

  #wait(socket: Socket): void {
    const { limits, metrics } = this.#deps
    this.#waiting.add(socket)
    metrics.setWaitingConnections(this.#waiting.size)
    socket.setTimeout(limits.longestWaitMs, () => {
      this.#drop(socket)
    })
    // A client may reset it while it waits.
    socket.on('error', () => undefined)
    this.#makeRoom()
  }

  /** Also where a connection has closed. */
  #endStart(peer: string): void {
    clearTimeout(this.#starting.get(peer))
    this.#starting.delete(peer)
    while (this.#hasRoom && this.#waiting.size > 0) this.#enterOldest()
    this.#deps.metrics.setWaitingConnections(this.#waiting.size)
    this.#makeRoom()
  }

  #makeRoom(): void {
    if (!this.isFull) return
    this.#say()
    this.#closeUnused()
  }

  /** First those whose client has sent something. */
  #enterOldest(): void {
    const [oldest] = this.#waiting
    const socket = this.#waiting.values().find(({ bytesRead }) => bytesRead > 0) ?? oldest
    if (socket === undefined) return
    this.#waiting.delete(socket)
    const since = this.#firsts.get(peerOf(socket))?.acceptedAtMs ?? -Infinity
    if (this.#nowMs - since > this.#deps.limits.longestWaitMs) this.#drop(socket)
    else this.#enter(socket.setTimeout(0))
  }

  #drop(socket: Socket): void {
    this.#waiting.delete(socket)
    this.#deps.metrics.countDroppedConnection()
    socket.destroy()
  }

  /** API servers keep the connections of a burst open for 90 s after it. */
  #closeUnused(): void {
    const [first] = this.#unused
    if (first === undefined) return
    this.#unused.delete(first[0])
    first[1].destroySoon()
  }

  #say(): void {
    if (this.#nowMs - this.#saidAtMs < quietMs) return
    this.#saidAtMs = this.#nowMs
    this.#deps.logger.warn(
      { open: this.#open.size, waiting: this.#waiting.size },
      'connections wait for others to close',
    )
  }
}

/** Takes out the listener with which Node begins the handshake. */
function takeListener(server: Server): (socket: Socket) => void {
  const listeners = server.listeners('connection') as ((socket: Socket) => void)[]
  const [listener] = listeners
  if (listener === undefined || listeners.length > 1) throw new Error(`the server has ${listeners.length} listeners`)
  server.removeAllListeners('connection')
  return listener.bind(server)
}
