/**
 * Assigns parts to pools as they have room, so that memory holds neither a hundred thousand parts nor the backlog of a slow
 * pool, and collects the reports of the pools.
 */
import type { ConnectionPool, PoolReports } from './connection-pool.ts'
import type { PartDone, PartJob } from './part-job.ts'
import { shareOf } from './share.ts'

/** Parts queued in a pool beyond those for which it has connections: a message to a thread costs as much as a small part. */
const waitingJobs = 256
const waitingBytes = 16 * 1024 * 1024
/** Limit of results that the caller has not processed yet (a journal on a slow disk). */
const unsettledResults = 512

export interface PartSchedulerOptions {
  readonly connections: number
  readonly onDone: (done: PartDone) => void | Promise<void>
  readonly onProgress: (bytes: number) => void
  /** Aborts the whole transfer. */
  readonly onFailed: (error: unknown) => void
}

interface PoolSlot {
  readonly pool: ConnectionPool
  jobs: number
  shares: number
  bytes: number
  batch: PartJob[]
}

export class PartScheduler {
  /** The latest error, for the message of a stall. */
  lastError: Error | undefined
  readonly #options: PartSchedulerOptions
  readonly #slots: PoolSlot[] = []
  #unsettled = 0
  #lastProgress = performance.now()
  #wake: (() => void) | undefined

  constructor(options: PartSchedulerOptions) {
    this.#options = options
  }

  /** `start` gets the reports of this slot. */
  addPool(start: (reports: Pick<PoolReports, 'progress'>) => ConnectionPool): void {
    const slot: PoolSlot = {
      pool: start({
        progress: (bytes, parts) => {
          this.#progressed(bytes)
          if (parts.length > 0) this.#done(slot, parts)
        },
      }),
      jobs: 0,
      shares: 0,
      bytes: 0,
      batch: [],
    }
    this.#slots.push(slot)
  }

  get pools(): readonly ConnectionPool[] {
    return this.#slots.map(({ pool }) => pool)
  }

  /** Time without progress while parts are in progress. */
  silentMs(now: number): number {
    if (this.#slots.every(({ jobs }) => jobs === 0)) this.#lastProgress = now
    return now - this.#lastProgress
  }

  /** Also called while credentials are refreshed, when no bytes can arrive. */
  resetStallTimer(): void {
    this.#lastProgress = performance.now()
  }

  async schedule(parts: Iterable<PartJob> | AsyncIterable<PartJob>, signal: AbortSignal): Promise<void> {
    for await (const part of parts) {
      const slot = await this.#slotWithRoom(signal)
      this.#give(slot, part)
    }
    while (this.#unsettled > 0 || this.#slots.some(({ jobs }) => jobs > 0)) await this.#change(signal)
  }

  async #slotWithRoom(signal: AbortSignal): Promise<PoolSlot> {
    for (;;) {
      const slot = this.#unsettled < unsettledResults ? this.#leastLoaded() : undefined
      if (slot !== undefined && this.#hasRoom(slot)) return slot
      await this.#change(signal)
    }
  }

  #leastLoaded(): PoolSlot | undefined {
    return this.#slots.reduce<PoolSlot | undefined>(
      (least, slot) =>
        least === undefined || slot.bytes < least.bytes || (slot.bytes === least.bytes && slot.jobs < least.jobs)
          ? slot
          : least,
      undefined,
    )
  }

  #hasRoom({ jobs, shares, bytes }: PoolSlot): boolean {
    return shares < this.#options.connections || (jobs < waitingJobs && bytes < waitingBytes)
  }

  #give(slot: PoolSlot, part: PartJob): void {
    slot.jobs++
    slot.shares += shareOf(part)
    slot.bytes += part.length
    slot.batch.push(part)
    if (slot.batch.length === 1) {
      setImmediate(() => {
        slot.pool.add(slot.batch.splice(0))
      })
    }
  }

  async #change(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    signal.throwIfAborted()
  }

  /** Makes a waiting schedule() check its condition again, also at the end. */
  wake(): void {
    this.#wake?.()
  }

  #progressed(bytes: number): void {
    if (bytes > 0) this.resetStallTimer()
    this.#options.onProgress(bytes)
  }

  #done(slot: PoolSlot, parts: readonly PartDone[]): void {
    this.resetStallTimer()
    for (const part of parts) {
      slot.jobs--
      slot.shares -= shareOf(part)
      slot.bytes -= part.length
      this.#settle(part)
    }
    this.wake()
  }

  async #deliver(part: PartDone): Promise<void> {
    await this.#options.onDone(part)
  }

  #settle(part: PartDone): void {
    this.#unsettled++
    const settled = (): void => {
      this.#unsettled--
      this.wake()
    }
    this.#deliver(part).then(settled, this.#options.onFailed)
  }
}
