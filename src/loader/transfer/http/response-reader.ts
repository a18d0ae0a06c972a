/**
 * Reads one response at a time into one buffer and passes the body on in large pieces. A socket's stream would cost an
 * allocation and several calls per TLS record; here a record is decrypted into the buffer from which the file is written.
 * Only bodies with a Content-Length are supported.
 */
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

type Stage =
  | { readonly name: 'idle' }
  | { readonly name: 'head' }
  | { readonly name: 'body'; readonly head: Head; left: number }
  | { readonly name: 'refusal'; readonly head: Head; readonly start: number }

const idle: Stage = { name: 'idle' }

/** Called at the end of a response; `keep` is true if the connection can be reused. */
type OnFinish = (result: GetResult, keep: boolean) => void

export class ResponseReader {
  readonly #onFinish: OnFinish
  readonly #buffer = Buffer.allocUnsafeSlow(pieceBytes)
  #sink: ResponseSink | undefined
  #stage: Stage = idle
  /** The buffer holds bytes from #start to #filled and may be filled up to #limit. */
  #start = 0
  #filled = 0
  #limit = pieceBytes

  constructor(onFinish: OnFinish) {
    this.#onFinish = onFinish
  }

  /** Expects the response to a request that is about to be sent. */
  expect(sink: ResponseSink): void {
    this.#sink = sink
    this.#stage = { name: 'head' }
  }

  /** The part of the buffer for the next bytes; it changes with every read. */
  free(): Buffer {
    return this.#buffer.subarray(this.#filled, this.#limit)
  }

  /** Processes bytes that were written to `free()`. */
  read(bytes: number): void {
    this.#filled += bytes
    this.#advance()
  }

  /** Writes the bytes of the body received so far, so that the next attempt continues after them. */
  writeReceived(): void {
    if (this.#stage.name === 'body') this.#write(this.#stage)
  }

  /** Ends the text of an error response at the end of the connection; false at any other stage. */
  endRefusal(): boolean {
    if (this.#stage.name !== 'refusal') return false
    this.#finishRefusal(this.#stage.head, this.#stage.start, false)
    return true
  }

  reset(): void {
    this.#sink = undefined
    this.#stage = idle
    this.#start = 0
    this.#filled = 0
    this.#limit = pieceBytes
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
    else if (this.#sink?.accept(head) === true) this.#startBody(head, start)
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
    if (piece.length > 0) this.#sink?.write(piece)
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
    this.#onFinish({ head, ...result }, keep)
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
