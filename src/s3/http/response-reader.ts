/**
 * Reads one response at a time into one buffer and passes the body on in large pieces. A socket's stream would cost an
 * allocation and several calls per TLS record; here a record is decrypted into the buffer from which the file is written.
 */
import { ChunkDecoder } from './chunked.ts'
import { MalformedAnswer, noAnswer, parseHead, type Head } from './response.ts'

/** Buffer of one connection: with 256 KiB, 96 connections take another 12 MB. */
const pieceBytes = 128 * 1024
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

export interface ExchangeResult {
  readonly head: Head
  readonly accepted: boolean
  /** Body of a response that was not accepted. */
  readonly text: string
}

interface Body {
  readonly head: Head
  readonly accepted: boolean
}

type Stage =
  | { readonly name: 'idle' }
  | { readonly name: 'head' }
  /** A body of a known length. */
  | (Body & { readonly name: 'body'; left: number })
  /** In chunks, or without a decoder up to the end of the connection. */
  | (Body & { readonly name: 'stream'; readonly decoder: ChunkDecoder | undefined })

const idle: Stage = { name: 'idle' }

/** Called at the end of a response; `keep` is true if the connection can be reused. */
type OnFinish = (result: ExchangeResult, keep: boolean) => void

export class ResponseReader {
  readonly #onFinish: OnFinish
  #buffer: Buffer | undefined
  #sink: ResponseSink | undefined
  #hasBody = true
  #stage: Stage = idle
  /** The buffer holds bytes from #start to #filled and may be filled up to #limit. */
  #start = 0
  #filled = 0
  #limit = pieceBytes
  /** The body of a response that was not accepted. */
  #refusal: Buffer[] = []
  #refusalBytes = 0

  constructor(onFinish: OnFinish) {
    this.#onFinish = onFinish
  }

  /** Expects the response to a request that is about to be sent; that to a HEAD has no body. */
  expect(sink: ResponseSink, hasBody: boolean): void {
    this.#sink = sink
    this.#hasBody = hasBody
    this.#stage = { name: 'head' }
  }

  /** The part of the buffer for the next bytes; it changes with every read. */
  free(): Buffer {
    return this.#bytes().subarray(this.#filled, this.#limit)
  }

  /** Processes bytes that were written to `free()`. */
  read(bytes: number): void {
    this.#filled += bytes
    const stage = this.#stage
    if (stage.name === 'head') this.#readHead()
    else if (stage.name === 'stream') this.#readStream(stage)
    else if (stage.name === 'idle') throw new MalformedAnswer('a response without a request')
    else if (this.#filled === this.#limit) this.#flush(stage)
  }

  /** Writes the bytes of the body received so far, so that the next attempt continues after them. */
  writeReceived(): void {
    if (this.#stage.name === 'body' && this.#stage.accepted) this.#write(this.#stage)
  }

  /** Ends a response that may end with its connection: without a length, or an error; false at any other stage. */
  endWithConnection(): boolean {
    const stage = this.#stage
    if (stage.name !== 'body' && stage.name !== 'stream') return false
    if (stage.accepted && (stage.name === 'body' || stage.decoder !== undefined)) return false
    if (stage.name === 'body') this.#write(stage)
    if (this.#stage === stage) this.#finish(stage, false)
    return true
  }

  reset(): void {
    this.#sink = undefined
    this.#stage = idle
    this.#start = 0
    this.#filled = 0
    this.#limit = pieceBytes
    this.#refusal = []
    this.#refusalBytes = 0
  }

  #readHead(): void {
    const buffer = this.#bytes()
    const end = buffer.subarray(0, this.#filled).indexOf(endOfHead)
    if (end === -1 && !couldBeHead(buffer, this.#filled)) throw noAnswer(buffer.toString('latin1', 0, this.#filled))
    if (end > headBytes || (end === -1 && this.#filled > headBytes)) {
      throw new MalformedAnswer('the head of the answer does not end')
    }
    if (end === -1) return
    const head = parseHead(buffer.toString('latin1', 0, end))
    this.#start = end + endOfHead.length
    this.#startBody({ head, accepted: this.#sink?.accept(head) === true })
  }

  #startBody(body: Body): void {
    const { bodyLength, isChunked, status } = body.head
    if (!this.#hasBody || status === 204 || status === 304) {
      this.#finish(body, body.head.keepAlive && this.#filled === this.#start)
    } else if (bodyLength === undefined) {
      const stage: Stage = { ...body, name: 'stream', decoder: isChunked ? new ChunkDecoder() : undefined }
      this.#stage = stage
      this.#readStream(stage)
    } else this.#startKnown(body, bodyLength)
  }

  #startKnown(body: Body, length: number): void {
    const start = this.#start
    if (this.#filled - start > length) throw new MalformedAnswer('the answer is longer than it says')
    const stage: Stage = { ...body, name: 'body', left: length }
    this.#stage = stage
    this.#limit = start + Math.min(length, pieceBytes - start - ((pieceBytes - start) % pageBytes))
    if (this.#filled >= this.#limit) this.#flush(stage)
  }

  #flush(stage: Extract<Stage, { name: 'body' }>): void {
    this.#write(stage)
    if (this.#stage !== stage) return
    if (stage.left === 0) this.#finish(stage, stage.head.keepAlive)
    else this.#limit = Math.min(stage.left, pieceBytes)
  }

  #write(stage: Extract<Stage, { name: 'body' }>): void {
    const piece = this.#takePiece()
    stage.left -= piece.length
    if (piece.length > 0) this.#pass(stage, piece)
  }

  #readStream(stage: Extract<Stage, { name: 'stream' }>): void {
    const piece = this.#takePiece()
    this.#limit = pieceBytes
    const { decoder } = stage
    if (decoder === undefined) this.#pass(stage, piece)
    else {
      decoder.decode(piece, (data) => {
        this.#pass(stage, data)
      })
    }
    if (this.#stage === stage && decoder?.isOver === true) this.#finish(stage, stage.head.keepAlive)
  }

  #takePiece(): Buffer {
    const piece = this.#bytes().subarray(this.#start, this.#filled)
    this.#start = 0
    this.#filled = 0
    return piece
  }

  #pass(stage: Extract<Stage, { accepted: boolean }>, piece: Buffer): void {
    if (stage.accepted) this.#sink?.write(piece)
    else if (this.#stage === stage) {
      this.#refusal.push(Buffer.from(piece))
      this.#refusalBytes += piece.length
      // The rest of a longer text is of no use.
      if (this.#refusalBytes >= errorBodyBytes) this.#finish(stage, false)
    }
  }

  #finish({ head, accepted }: Body, keep: boolean): void {
    this.#stage = idle
    this.#onFinish({ head, accepted, text: Buffer.concat(this.#refusal).toString() }, keep)
  }

  /** Allocated when it is needed: most connections of a small pool never are. */
  #bytes(): Buffer {
    return (this.#buffer ??= Buffer.allocUnsafeSlow(pieceBytes))
  }
}

/** False as soon as the bytes are no beginning of an answer, for which one would wait in vain. */
function couldBeHead(buffer: Buffer, filled: number): boolean {
  const begin = buffer.toString('latin1', 0, Math.min(filled, 5))
  return 'HTTP/'.startsWith(begin)
}
