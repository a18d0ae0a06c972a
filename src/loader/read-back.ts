/**
 * Reads files back behind the download, from front to back, for checksums that cannot be put together from those of their
 * parts (SHA-256, SHA-1). What is compared is what the volume holds, and of a model of 600 GB the end is read soon after
 * its last byte came: one after the other, reading would take another six minutes.
 */
import type { FileHandle } from 'node:fs/promises'
import { changedBeneath, openStaged } from './volume/staged-file.ts'
import { startChecksum, type RunningChecksum, type WantedChecksum } from './checksum.ts'

export interface Claim extends WantedChecksum {
  /** Says what is wrong, of a checksum that differs. */
  readonly refuse: (found: string) => Error
}

export interface FollowedFile {
  readonly file: string
  readonly size: number
  readonly claims: readonly Claim[]
}

const readBytes = 2 ** 20

export class ReadBack {
  readonly #signal: AbortSignal
  readonly #buffer = Buffer.allocUnsafeSlow(readBytes)
  readonly #ready = new Set<Follower>()
  readonly #open = new Set<Follower>()
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

  /** Files that were read to their end and are as was claimed. */
  get filesCompared(): number {
    return this.#filesCompared
  }

  follow(followed: FollowedFile): Follower {
    return new Follower(followed)
  }

  /** Reads on as far as the file is there without a gap. Throws what an earlier read found, so that no more is downloaded in vain. */
  arrived(follower: Follower, { offset, length }: { readonly offset: number; readonly length: number }): void {
    if (this.#failure !== undefined) throw this.#failure
    this.#bytesArrived += length
    if (!follower.extend(offset, length)) return
    this.#ready.add(follower)
    this.#reading ??= this.#readReady()
  }

  /** Resolves when all that arrived was read and every whole file is as was claimed. */
  async end(): Promise<void> {
    await this.#reading
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Of files that are not whole, too. */
  async close(): Promise<void> {
    this.#ready.clear()
    await this.#reading
    for (const follower of this.#open) await follower.close()
  }

  async #readReady(): Promise<void> {
    try {
      for (const follower of this.#ready) {
        this.#ready.delete(follower)
        await this.#read(follower)
      }
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error))
      this.#ready.clear()
    }
    this.#reading = undefined
  }

  async #read(follower: Follower): Promise<void> {
    // Its last part came while it was being read.
    if (follower.isOver()) return
    this.#open.add(follower)
    for await (const bytes of follower.read(this.#buffer)) {
      this.#signal.throwIfAborted()
      this.#bytesRead += bytes
    }
    if (follower.isOver() && this.#open.delete(follower)) this.#filesCompared++
  }
}

/** One file, and how much of it there is to read. */
export class Follower {
  readonly #followed: FollowedFile
  /** Lengths by offset, of parts behind a gap. */
  readonly #beyond = new Map<number, number>()
  #end = 0
  #at = 0
  #isOver = false
  #open: { readonly handle: FileHandle; readonly sums: readonly RunningChecksum[] } | undefined

  constructor(followed: FollowedFile) {
    this.#followed = followed
  }

  /** The whole was read and compared. */
  isOver(): boolean {
    return this.#isOver
  }

  /** Whether there is more to read than before. */
  extend(offset: number, length: number): boolean {
    this.#beyond.set(offset, length)
    const before = this.#end
    for (let next = this.#take(); next !== undefined; next = this.#take()) this.#end += next
    return this.#end > before || this.#followed.size === 0
  }

  async *read(buffer: Buffer): AsyncGenerator<number> {
    const { handle, sums } = (this.#open ??= await this.#start())
    while (this.#at < this.#end) {
      const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, this.#end - this.#at), this.#at)
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
    const sums = await Promise.all(this.#followed.claims.map(({ algorithm }) => startChecksum(algorithm)))
    return { handle: await openStaged(this.#followed.file), sums }
  }

  async #compare(sums: readonly RunningChecksum[]): Promise<void> {
    this.#isOver = true
    await this.close()
    for (const [i, { value, refuse }] of this.#followed.claims.entries()) {
      const found = sums[i]?.value() ?? ''
      if (found !== value) throw refuse(found)
    }
  }
}
