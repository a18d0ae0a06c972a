/**
 * Evidence of what is in staging: a line for every part whose bytes were received, checked and brought to the disk. A
 * file's size proves nothing (a preallocated hole has its full size), so a run that continues believes only the journal.
 */
import { open, readFile, type FileHandle } from 'node:fs/promises'
import { hasCode } from './file-failure.ts'

export interface JournaledPart {
  readonly path: string
  readonly etag: string
  readonly size: number
  readonly offset: number
  readonly length: number
  /** CRC of the part, where one is computed. */
  readonly crc?: string
}

/** A tenth of the time after which other loaders take a staging directory for abandoned. */
const heartbeatMs = 60_000

export class Journal {
  readonly #file: FileHandle
  readonly #heartbeat: NodeJS.Timeout

  private constructor(file: FileHandle, everyMs: number) {
    this.#file = file
    this.#heartbeat = setInterval(() => {
      void this.#touch()
    }, everyMs).unref()
  }

  /** The file is touched every so often until it is closed: reading a large model back takes longer than others wait. */
  static async open(path: string, everyMs = heartbeatMs): Promise<Journal> {
    const journal = new Journal(await open(path, 'a', 0o600), everyMs)
    await journal.#touch()
    return journal
  }

  /** The files themselves have to be on the disk before. */
  async append(parts: readonly JournaledPart[]): Promise<void> {
    if (parts.length === 0) return
    await this.#file.appendFile(parts.map((part) => `${JSON.stringify(part)}\n`).join(''))
    await this.#file.datasync()
  }

  /**
   * Shows other loaders of the volume that this one is alive. An empty line is no evidence, ends a line that was cut off
   * before, and is dated by the clock of the volume, which utimes(2) is not. On a full disk the next append says so.
   */
  async #touch(): Promise<void> {
    await this.#file.appendFile('\n').catch(() => undefined)
  }

  async close(): Promise<void> {
    clearInterval(this.#heartbeat)
    await this.#file.close()
  }
}

/** The parts of an earlier run; a line that was cut off by its end is no evidence. */
export async function readJournal(path: string): Promise<readonly JournaledPart[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return ''
    throw error
  })
  return text
    .split('\n')
    .slice(0, -1)
    .flatMap((line) => {
      if (line === '') return []
      try {
        return JSON.parse(line) as JournaledPart
      } catch {
        return []
      }
    })
}
