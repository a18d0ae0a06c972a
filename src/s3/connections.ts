/** A small pool of kept connections to one server, on this thread: for listings, HEADs and small objects. */
import type { Head } from './http/response.ts'
import type { ExchangeResult, ResponseSink } from './http/response-reader.ts'
import { S3Connection } from './http/s3-connection.ts'
import type { Origin } from './origin.ts'

export interface Answer {
  readonly head: Head
  /** False for an error response. */
  readonly isSuccess: boolean
  readonly body: Buffer
}

export interface SmallRequest {
  readonly text: string
  readonly mostBytes: number
  /** Makes the error for a longer body. */
  readonly tooLong: () => Error
}

const mostConnections = 8
const limits = { connectLimitMs: 10_000, idleLimitMs: 30_000 }
const checkEveryMs = 1000

export class S3Connections {
  readonly #origin: Origin
  readonly #all = new Set<S3Connection>()
  readonly #idle: S3Connection[] = []
  readonly #waiting: ((connection: S3Connection) => void)[] = []
  #checker: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(origin: Origin) {
    this.#origin = origin
  }

  async ask(request: SmallRequest): Promise<Answer> {
    const connection = await this.#take()
    try {
      // Closed while all connections were busy: nothing may keep the process alive.
      if (this.#isClosed) throw new Error('closed')
      return await exchange(connection, request)
    } finally {
      this.#giveBack(connection)
    }
  }

  /** Ends what is under way. */
  close(): void {
    this.#isClosed = true
    clearInterval(this.#checker)
    this.#checker = undefined
    for (const connection of this.#all) connection.close()
  }

  #take(): Promise<S3Connection> | S3Connection {
    this.#checker ??= setInterval(this.#check, checkEveryMs)
    const idle = this.#idle.pop()
    if (idle !== undefined) return idle
    if (this.#all.size < mostConnections) {
      const connection = new S3Connection({ origin: this.#origin, secureContext: undefined, ...limits })
      this.#all.add(connection)
      return connection
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  #giveBack(connection: S3Connection): void {
    const next = this.#waiting.shift()
    if (next !== undefined) next(connection)
    else this.#idle.push(connection)
    // Without requests, no timer keeps the process alive.
    if (this.#idle.length < this.#all.size) return
    clearInterval(this.#checker)
    this.#checker = undefined
  }

  readonly #check = (): void => {
    const now = performance.now()
    for (const connection of this.#all) connection.check(now)
  }
}

/** A server may close a kept connection at the moment of the next request, which then is sent once more. */
async function exchange(connection: S3Connection, request: SmallRequest): Promise<Answer> {
  const ask = async (): Promise<Answer> => {
    const sink = new Collector(request)
    return answerOf(await connection.ask(request.text, sink), sink)
  }
  try {
    return await ask()
  } catch (error) {
    if (!connection.wasStale) throw error
    return ask()
  }
}

function answerOf({ head, accepted, text }: ExchangeResult, sink: Collector): Answer {
  return { head, isSuccess: accepted, body: accepted ? sink.body() : Buffer.from(text) }
}

class Collector implements ResponseSink {
  readonly #request: SmallRequest
  readonly #pieces: Buffer[] = []
  #left: number

  constructor(request: SmallRequest) {
    this.#request = request
    this.#left = request.mostBytes
  }

  accept({ status }: Head): boolean {
    return status >= 200 && status <= 299
  }

  write(piece: Uint8Array): void {
    this.#left -= piece.length
    if (this.#left < 0) throw this.#request.tooLong()
    this.#pieces.push(Buffer.from(piece))
  }

  body(): Buffer {
    return Buffer.concat(this.#pieces)
  }
}
