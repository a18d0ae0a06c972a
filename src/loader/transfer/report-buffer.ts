/** Batches the progress and the results of a pool: a message to another thread costs as much as a small object. */
import type { PartDone } from './part-job.ts'

export interface PartReports {
  /** Bytes received since the last report, negative where bytes have to be fetched again; and the parts that are in their files. */
  progress(bytes: number, parts: readonly PartDone[]): void
}

/** Time for which a result waits for others. */
const batchMs = 4

export class ReportBuffer {
  readonly #reports: PartReports
  #parts: PartDone[] = []
  #bytes = 0
  #timer: NodeJS.Timeout | undefined

  constructor(reports: PartReports) {
    this.#reports = reports
  }

  readonly addBytes = (bytes: number): void => {
    this.#bytes += bytes
  }

  /** Adds a result; without more work in the queue it is not held back. */
  addPart(part: PartDone, isQueueEmpty: boolean): void {
    this.#parts.push(part)
    if (this.#timer !== undefined && !isQueueEmpty) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(
      () => {
        this.flush()
      },
      isQueueEmpty ? 0 : batchMs,
    )
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const [bytes, parts] = [this.#bytes, this.#parts]
    this.#bytes = 0
    this.#parts = []
    if (bytes !== 0 || parts.length > 0) this.#reports.progress(bytes, parts)
  }

  /** Drops the timer and all that was not reported. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#bytes = 0
    this.#parts = []
  }
}
