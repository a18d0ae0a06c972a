/** The queue of a pool: parts that wait for a connection, each with a checksum that is started by its algorithm. */
import { loadCrc, type CrcAlgorithm, type RunningCrc } from './crc.ts'
import type { PartState } from './fetch-part.ts'
import type { PartJob } from './part-job.ts'

export interface QueuedPart extends PartState {
  /** Failed attempts in a row, and the time of the first of them. */
  failures: number
  failingSinceMs: number
  /** Refusals of credentials in a row. */
  refusals: number
  receivedBefore: number
}

export class PartQueue {
  readonly #parts: QueuedPart[] = []
  readonly #crcs = new Map<CrcAlgorithm, () => RunningCrc>()

  get length(): number {
    return this.#parts.length
  }

  get first(): QueuedPart | undefined {
    return this.#parts[0]
  }

  /** Loads the code of the algorithms before the parts are queued. */
  async add(jobs: readonly PartJob[]): Promise<void> {
    for (const { crc } of jobs) {
      if (crc !== 'none' && !this.#crcs.has(crc)) this.#crcs.set(crc, await loadCrc(crc))
    }
    for (const job of jobs) {
      const crc = job.crc === 'none' ? undefined : this.#crcs.get(job.crc)?.()
      this.#parts.push({
        job,
        crc,
        received: 0,
        receivedBefore: 0,
        checksums: {},
        failures: 0,
        failingSinceMs: 0,
        refusals: 0,
      })
    }
  }

  take(): QueuedPart | undefined {
    return this.#parts.shift()
  }

  /** Returns a part to the front, for its next attempt. */
  putBack(part: QueuedPart): void {
    this.#parts.unshift(part)
  }
}
