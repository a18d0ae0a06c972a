/** How fast bytes arrive: for people, and to end a program that waits for ever, as s5cmd does for a silent server. */
import type { ProgressMeter } from '../progress-meter.ts'
import { TransferError } from '../transfer/transfer-error.ts'
import type { Arriving } from './arrivals.ts'

/** Growth below this is no progress: an attempt that fails at the same place again and again has it, too. */
const leastProgressBytes = 2 ** 20

export interface PaceOptions {
  readonly meter: ProgressMeter
  readonly stallTimeoutMs: number
}

export class Pace {
  readonly #options: PaceOptions
  #wholeBytes = 0
  #wholeFiles = 0
  #filesAtFailure = 0
  #mostBytes = 0
  #bytesAtFailure = 0
  #lastSeen = ''
  #lastGrowthMs = performance.now()

  constructor(options: PaceOptions) {
    this.#options = options
  }

  arrivedWhole(bytes: number): void {
    this.#wholeBytes += bytes
    this.#wholeFiles++
    this.waited()
  }

  /** Called on every look, with the files that are not whole. */
  saw(growing: readonly Arriving[]): void {
    const seen = growing.map(({ object, size, written, mtimeMs }) => `${object} ${size} ${written} ${mtimeMs}`).join()
    if (seen !== this.#lastSeen) this.waited()
    this.#lastSeen = seen
    const bytes = this.#wholeBytes + growing.reduce((sum, { written }) => sum + written, 0)
    // A file that failed is taken away, and is not reported twice when it comes again.
    this.#options.meter.add(Math.max(0, bytes - this.#mostBytes))
    this.#mostBytes = Math.max(this.#mostBytes, bytes)
  }

  /** Called where nothing can arrive: the stall-timeout does not run then. */
  waited(): void {
    this.#lastGrowthMs = performance.now()
  }

  /** Time without a byte. */
  get silentMs(): number {
    return performance.now() - this.#lastGrowthMs
  }

  /** Throws a TransferError after the stall-timeout; `lastError` is for its message. */
  refuseStall(lastError: Error | undefined): void {
    const { stallTimeoutMs } = this.#options
    if (this.silentMs <= stallTimeoutMs) return
    const because = lastError === undefined ? '' : `; the last error: ${lastError.message}`
    throw new TransferError(`not one byte in ${stallTimeoutMs / 1000} s${because}`, { kind: 'stalled', key: '' })
  }

  /** True if more has arrived than at the failure before. */
  hasComeFarther(): boolean {
    const isFarther =
      this.#wholeFiles > this.#filesAtFailure || this.#mostBytes >= this.#bytesAtFailure + leastProgressBytes
    this.#bytesAtFailure = this.#mostBytes
    this.#filesAtFailure = this.#wholeFiles
    return isFarther
  }
}
