/** Writes the journal behind the download. */
import { dirname, join } from 'node:path'
import { collectGarbage } from '../../aws/collect-garbage.ts'
import { syncDirectory } from './directory.ts'
import type { Journal, JournaledPart } from './journal.ts'

const linesAtOnce = 256
const flushAfterMs = 500
/** What so many small objects leave behind is a good part of what the loader may use. */
export const partsPerCollection = 8192

/** The parts it is given are on the disk already; lines are written together, because each write waits for the disk. */
export class JournalWriter {
  readonly #journal: Pick<Journal, 'append'>
  readonly #files: string
  /** Files of several parts that have a line already. */
  readonly #entered = new Set<string>()
  #lines: JournaledPart[] = []
  #writing: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #added = 0

  /** `files` is the directory that their paths start from. */
  constructor(journal: Pick<Journal, 'append'>, files: string) {
    this.#journal = journal
    this.#files = files
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
    this.#writing = this.#writing.then(async () => {
      await this.#enter(lines)
      await this.#journal.append(lines)
    })
    return this.#writing
  }

  /** The names of the files reach the disk before the lines that speak of them, or a power cut would leave lines of nothing. */
  async #enter(lines: readonly JournaledPart[]): Promise<void> {
    const fresh = lines.filter(({ path }) => !this.#entered.has(path))
    for (const directory of new Set(fresh.map(({ path }) => dirname(join(this.#files, path))))) {
      await syncDirectory(directory)
    }
    for (const { path, size, length } of fresh) if (length < size) this.#entered.add(path)
  }
}
