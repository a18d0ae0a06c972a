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

export class Journal {
  readonly #file: FileHandle

  private constructor(file: FileHandle) {
    this.#file = file
  }

  static async open(path: string): Promise<Journal> {
    return new Journal(await open(path, 'a', 0o600))
  }

  /** The files themselves have to be on the disk before. */
  async append(parts: readonly JournaledPart[]): Promise<void> {
    if (parts.length === 0) return
    await this.#file.appendFile(parts.map((part) => `${JSON.stringify(part)}\n`).join(''))
    await this.#file.datasync()
  }

  /** Shows other loaders of the volume that this one is alive. */
  async touch(): Promise<void> {
    const now = new Date()
    await this.#file.utimes(now, now)
  }

  async close(): Promise<void> {
    await this.#file.close()
  }
}

/** The parts of an earlier run; a line that was cut off by its end is no evidence. */
export async function readJournal(path: string): Promise<readonly JournaledPart[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return ''
    throw error
  })
  return text.split('\n').slice(0, -1).flatMap((line) => {
    try {
      return JSON.parse(line) as JournaledPart
    } catch {
      return []
    }
  })
}
