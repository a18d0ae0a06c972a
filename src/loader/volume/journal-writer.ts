/** Writes the journal behind the download. */
import { collectGarbage } from '../../aws/collect-garbage.ts'
import type { Journal, JournaledPart } from './journal.ts'

const linesAtOnce = 256
const flushAfterMs = 500
/** What so many small objects leave behind is a good part of what the loader may use. */
export const partsPerCollection = 8192

/** The parts it is given are on the disk already; lines are written together, because each write waits for the disk. */
export class JournalWriter {
  readonly #journal: Journal
  #lines: JournaledPart[] = []
  #writing: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #added = 0

  constructor(journal: Journal) {
    this.#journal = journal
  }

  async add(part: JournaledPart): Promise<void> {
    this.#lines.push(part)
    if (++this.#added % partsPerCollection === 0) collectGarbage()
    if (this.#lines.length >= linesAtOnce) await this.flush()
    // Not left to the next part, which may be slow: what is there must outlive a kill. An error is the next flush's, too.
    else {
      this.#timer ??= setTimeout(() => {
        this.flush().catch(() => undefined)
      }, flushAfterMs)
    }
  }

  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const lines = this.#lines
    this.#lines = []
    this.#writing = this.#writing.then(() => this.#journal.append(lines))
    return this.#writing
  }
}
