/** Writes the journal during the download. */
import { dirname, join } from 'node:path'
import { collectGarbage } from '../collect-garbage.ts'
import { syncDirectory } from './directory.ts'
import type { Journal, JournaledPart } from './journal.ts'

const linesAtOnce = 256
const flushAfterMs = 500
/** Parts between two garbage collections: the garbage of so many small objects is a good part of the loader's memory. */
export const partsPerCollection = 8192

/** Parts are on the disk before they are added; lines are written in batches, because each write waits for the disk. */
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
    // Flushed by a timer: the next part may be slow, and received parts must survive a kill. The next flush reports an error.
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

  /** Syncs the file names before the lines that refer to them: after a power cut, a line must not refer to a missing file. */
  async #enter(lines: readonly JournaledPart[]): Promise<void> {
    const fresh = lines.filter(({ path }) => !this.#entered.has(path))
    for (const directory of new Set(fresh.map(({ path }) => dirname(join(this.#files, path))))) {
      await syncDirectory(directory)
    }
    for (const { path, size, length } of fresh) if (length < size) this.#entered.add(path)
  }
}
