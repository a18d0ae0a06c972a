/**
 * Deals parts out to crews as they have room for them, so that neither a hundred thousand of them nor one slow crew is ever
 * held in memory, and gathers what the crews report.
 */
import type { Crew, CrewReports } from './connection-pool.ts'
import type { PartDone, PartJob } from './part-job.ts'

/** A crew always has work for each connection; beyond it, small parts wait in the crew because a message costs as much as one. */
const waitingJobs = 256
const waitingBytes = 16 * 1024 * 1024
/** Results that the caller has not dealt with yet (a journal on a slow disk). */
const unsettledResults = 512

export interface DispatchOptions {
  readonly connections: number
  readonly onDone: (done: PartDone) => void | Promise<void>
  readonly onProgress: (bytes: number) => void
  /** Of this, everything ends. */
  readonly onFailed: (error: unknown) => void
}

interface Seat {
  readonly crew: Crew
  jobs: number
  bytes: number
  batch: PartJob[]
}

export class Dispatch {
  /** For the message when nothing comes any more. */
  lastTrouble: Error | undefined
  readonly #options: DispatchOptions
  readonly #seats: Seat[] = []
  #unsettled = 0
  #lastProgress = performance.now()
  #wake: (() => void) | undefined

  constructor(options: DispatchOptions) {
    this.#options = options
  }

  /** `start` gets the reports that belong to this seat. */
  seat(start: (reports: Pick<CrewReports, 'done' | 'progress'>) => Crew): void {
    const seat: Seat = {
      crew: start({
        done: (parts) => {
          this.#done(seat, parts)
        },
        progress: (bytes) => {
          this.#progressed(bytes)
        },
      }),
      jobs: 0,
      bytes: 0,
      batch: [],
    }
    this.#seats.push(seat)
  }

  get crews(): readonly Crew[] {
    return this.#seats.map(({ crew }) => crew)
  }

  /** How long nothing has come in although something should. */
  silentMs(now: number): number {
    if (this.#seats.every(({ jobs }) => jobs === 0)) this.#lastProgress = now
    return now - this.#lastProgress
  }

  /** What is not progress but no silence either. */
  forgive(): void {
    this.#lastProgress = performance.now()
  }

  async deal(parts: Iterable<PartJob> | AsyncIterable<PartJob>, signal: AbortSignal): Promise<void> {
    for await (const part of parts) {
      const seat = await this.#seatWithRoom(signal)
      this.#give(seat, part)
    }
    while (this.#unsettled > 0 || this.#seats.some(({ jobs }) => jobs > 0)) await this.#change(signal)
  }

  async #seatWithRoom(signal: AbortSignal): Promise<Seat> {
    for (;;) {
      const seat = this.#unsettled < unsettledResults ? this.#leastLoaded() : undefined
      if (seat !== undefined && this.#hasRoom(seat)) return seat
      await this.#change(signal)
    }
  }

  #leastLoaded(): Seat | undefined {
    return this.#seats.reduce<Seat | undefined>(
      (least, seat) =>
        least === undefined || seat.bytes < least.bytes || (seat.bytes === least.bytes && seat.jobs < least.jobs)
          ? seat
          : least,
      undefined,
    )
  }

  #hasRoom({ jobs, bytes }: Seat): boolean {
    return jobs < this.#options.connections || (jobs < waitingJobs && bytes < waitingBytes)
  }

  #give(seat: Seat, part: PartJob): void {
    seat.jobs++
    seat.bytes += part.length
    seat.batch.push(part)
    if (seat.batch.length === 1) {
      setImmediate(() => {
        seat.crew.add(seat.batch.splice(0))
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

  /** Lets a waiting deal() look again, for the end too. */
  wake(): void {
    this.#wake?.()
  }

  #progressed(bytes: number): void {
    if (bytes > 0) this.forgive()
    this.#options.onProgress(bytes)
  }

  #done(seat: Seat, parts: readonly PartDone[]): void {
    this.forgive()
    for (const part of parts) {
      seat.jobs--
      seat.bytes -= part.length
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
