/**
 * Reads files back from front to end during the download, for checksums that cannot be combined from those of parts (SHA-256,
 * SHA-1). So the content of the volume is compared, and for a model of 600 GB reading ends soon after the last byte arrived:
 * reading after the download would take another six minutes.
 */
import type { FileHandle } from 'node:fs/promises'
import { timed } from '../volume/calls.ts'
import { changedBeneath, openStaged } from '../volume/staged-file.ts'
import { startChecksum, type RunningChecksum, type ExpectedChecksum } from './checksum.ts'

export interface CheckedChecksum extends ExpectedChecksum {
  /** Makes the error for a checksum that differs. */
  readonly refuse: (found: string) => Error
}

export interface FileToRead {
  readonly file: string
  readonly size: number
  readonly expected: readonly CheckedChecksum[]
}

const readBytes = 2 ** 20

export class ReadBack {
  readonly #signal: AbortSignal
  readonly #buffer = Buffer.allocUnsafeSlow(readBytes)
  readonly #ready = new Set<FileReader>()
  readonly #open = new Set<FileReader>()
  #reading: Promise<void> | undefined
  #failure: Error | undefined
  #bytesRead = 0
  #bytesArrived = 0
  #filesCompared = 0

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  get bytesRead(): number {
    return this.#bytesRead
  }

  get bytesArrived(): number {
    return this.#bytesArrived
  }

  /** Number of files read to their end whose checksums match. */
  get filesCompared(): number {
    return this.#filesCompared
  }

  readerFor(followed: FileToRead): FileReader {
    return new FileReader(followed)
  }

  /** Reads on up to the first gap. Throws the failure of an earlier read, so that no more is downloaded in vain. */
  arrived(reader: FileReader, { offset, length }: { readonly offset: number; readonly length: number }): void {
    if (this.#failure !== undefined) throw this.#failure
    this.#bytesArrived += length
    if (!reader.extend(offset, length)) return
    this.#ready.add(reader)
    this.#reading ??= this.#readReady()
  }

  /** Resolves when all arrived bytes were read and the checksums of all complete files match. */
  async end(): Promise<void> {
    await this.#reading
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Closes all files, incomplete ones too. */
  async close(): Promise<void> {
    this.#ready.clear()
    await this.#reading
    for (const reader of this.#open) await reader.close()
  }

  async #readReady(): Promise<void> {
    try {
      for (const reader of this.#ready) {
        this.#ready.delete(reader)
        await this.#read(reader)
      }
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error))
      this.#ready.clear()
    }
    this.#reading = undefined
  }

  async #read(reader: FileReader): Promise<void> {
    // The last part arrived while the file was being read.
    if (reader.isOver()) return
    this.#open.add(reader)
    for await (const bytes of reader.read(this.#buffer)) {
      this.#signal.throwIfAborted()
      this.#bytesRead += bytes
    }
    if (reader.isOver() && this.#open.delete(reader)) this.#filesCompared++
  }
}

/** Reads one file as far as it has arrived. */
export class FileReader {
  readonly #followed: FileToRead
  /** Lengths by offset, of parts after a gap. */
  readonly #beyond = new Map<number, number>()
  #end = 0
  #at = 0
  #isOver = false
  #open: { readonly handle: FileHandle; readonly sums: readonly RunningChecksum[] } | undefined

  constructor(followed: FileToRead) {
    this.#followed = followed
  }

  /** True when the whole file was read and compared. */
  isOver(): boolean {
    return this.#isOver
  }

  /** Adds a part; true if there is more to read than before. */
  extend(offset: number, length: number): boolean {
    this.#beyond.set(offset, length)
    const before = this.#end
    for (let next = this.#take(); next !== undefined; next = this.#take()) this.#end += next
    return this.#end > before || this.#followed.size === 0
  }

  async *read(buffer: Buffer): AsyncGenerator<number> {
    const { handle, sums } = (this.#open ??= await this.#start())
    while (this.#at < this.#end) {
      const read = handle.read(buffer, 0, Math.min(buffer.length, this.#end - this.#at), this.#at)
      const { bytesRead } = await timed(this.#followed.file, read)
      if (bytesRead === 0) throw changedBeneath(`${this.#followed.file} ends at ${this.#at}, not at ${this.#end}`)
      for (const sum of sums) sum.update(buffer.subarray(0, bytesRead))
      this.#at += bytesRead
      yield bytesRead
    }
    if (this.#at === this.#followed.size) await this.#compare(sums)
  }

  async close(): Promise<void> {
    const { handle } = this.#open ?? {}
    this.#open = undefined
    await handle?.close()
  }

  #take(): number | undefined {
    const length = this.#beyond.get(this.#end)
    this.#beyond.delete(this.#end)
    return length
  }

  async #start(): Promise<{ handle: FileHandle; sums: readonly RunningChecksum[] }> {
    const sums = await Promise.all(this.#followed.expected.map(({ algorithm }) => startChecksum(algorithm)))
    return { handle: await openStaged(this.#followed.file), sums }
  }

  async #compare(sums: readonly RunningChecksum[]): Promise<void> {
    this.#isOver = true
    await this.close()
    for (const [i, { value, refuse }] of this.#followed.expected.entries()) {
      const found = sums[i]?.value() ?? ''
      if (found !== value) throw refuse(found)
    }
  }
}
