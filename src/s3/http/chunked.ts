/** Decodes the chunked transfer coding of HTTP/1.1 (RFC 9112, 7.1), as strictly as the head is parsed. */
import { MalformedAnswer } from './response.ts'

/** Longest line of a size or a trailer, and most bytes of all trailers. */
const longestLine = 8 * 1024

type Stage = 'size' | 'data' | 'afterData' | 'trailer' | 'over'

export class ChunkDecoder {
  #stage: Stage = 'size'
  #left = 0
  #line = ''
  #trailerBytes = 0

  /** True after the last chunk and its trailers. */
  get isOver(): boolean {
    return this.#stage === 'over'
  }

  /** Passes the data on; the pieces are views of `bytes`. Bytes after the end are an answer that was not asked for. */
  decode(bytes: Buffer, onData: (piece: Buffer) => void): void {
    let at = 0
    while (at < bytes.length) {
      if (this.#stage === 'over') throw new MalformedAnswer('the answer is longer than it says')
      at = this.#stage === 'data' ? this.#readData(bytes, at, onData) : this.#readLine(bytes, at)
    }
  }

  #readData(bytes: Buffer, at: number, onData: (piece: Buffer) => void): number {
    const end = Math.min(bytes.length, at + this.#left)
    this.#left -= end - at
    if (this.#left === 0) this.#stage = 'afterData'
    onData(bytes.subarray(at, end))
    return end
  }

  #readLine(bytes: Buffer, at: number): number {
    const feed = bytes.indexOf(0x0a, at)
    const end = feed === -1 ? bytes.length : feed + 1
    this.#line += bytes.toString('latin1', at, end)
    if (this.#line.length > longestLine) throw new MalformedAnswer('a line of a chunk that does not end')
    if (feed === -1) return end
    if (!this.#line.endsWith('\r\n')) throw new MalformedAnswer('a line of a chunk without a carriage return')
    const line = this.#line.slice(0, -2)
    this.#line = ''
    this.#take(line)
    return end
  }

  #take(line: string): void {
    if (this.#stage === 'size') this.#startChunk(line)
    else if (this.#stage === 'afterData') {
      if (line !== '') throw new MalformedAnswer('a chunk that is longer than it says')
      this.#stage = 'size'
    } else if (line === '') this.#stage = 'over'
    else if ((this.#trailerBytes += line.length) > longestLine) throw new MalformedAnswer('trailers without an end')
  }

  #startChunk(line: string): void {
    const size = /^([0-9a-fA-F]{1,12})[ \t]*(?:;.*)?$/.exec(line)?.[1]
    if (size === undefined) throw new MalformedAnswer('a chunk without a size')
    this.#left = Number.parseInt(size, 16)
    this.#stage = this.#left === 0 ? 'trailer' : 'data'
  }
}
