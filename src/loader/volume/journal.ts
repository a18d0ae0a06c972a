/**
 * Journal of staging: a line for every part whose bytes were received, checked and synced to the disk. A file's size proves
 * nothing (a preallocated hole has its full size), so a later run trusts only the journal.
 */
import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { crcAlgorithms, type CrcAlgorithm } from '../transfer/crc.ts'
import { timed } from './calls.ts'
import type { Directory } from './directory.ts'
import { hasCode } from './file-failure.ts'

export interface JournaledPart {
  readonly path: string
  readonly etag: string
  readonly size: number
  readonly offset: number
  readonly length: number
  /** CRC of the received bytes, as S3 writes it. */
  readonly crc: string
  readonly crcAlgorithm: CrcAlgorithm
}

export const journalName = 'journal.ndjson'
const toAppend = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND

/** A tenth of the time after which other loaders treat a staging directory as abandoned. */
const heartbeatMs = 60_000

export class Journal {
  readonly #path: string
  readonly #file: FileHandle
  readonly #heartbeat: NodeJS.Timeout

  private constructor(path: string, file: FileHandle, everyMs: number) {
    this.#path = path
    this.#file = file
    this.#heartbeat = setInterval(() => {
      void this.#touch()
    }, everyMs).unref()
  }

  /** Touches the file periodically until it is closed: reading a large model back takes longer than others wait. */
  static async open(staging: Directory, everyMs = heartbeatMs): Promise<Journal> {
    const file = await staging.file(journalName, toAppend, 0o600)
    const journal = new Journal(join(staging.path, journalName), file, everyMs)
    await journal.#touch()
    return journal
  }

  /** The files must be synced to the disk before. */
  async append(parts: readonly JournaledPart[]): Promise<void> {
    if (parts.length === 0) return
    await timed(this.#path, this.#file.appendFile(parts.map((part) => `${JSON.stringify(part)}\n`).join('')))
    await timed(this.#path, this.#file.datasync())
  }

  /**
   * Shows other loaders of the volume that this one is alive. An empty line is ignored, ends a truncated line before it, and is
   * dated by the clock of the volume, unlike utimes(2). On a full disk the next append reports the error.
   */
  async #touch(): Promise<void> {
    await timed(this.#path, this.#file.appendFile('\n')).catch(() => undefined)
  }

  async close(): Promise<void> {
    clearInterval(this.#heartbeat)
    await timed(this.#path, this.#file.close())
  }
}

/** Reads the parts that an earlier run journaled; a truncated last line is ignored. */
export async function readJournal(staging: Directory): Promise<readonly JournaledPart[]> {
  return (await readText(staging)).split('\n').slice(0, -1).flatMap(parseLine)
}

async function readText(staging: Directory): Promise<string> {
  try {
    const file = await staging.file(journalName, constants.O_RDONLY)
    try {
      return await timed(join(staging.path, journalName), file.readFile('utf8'))
    } finally {
      await file.close()
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return ''
    throw error
  }
}

function parseLine(line: string): readonly JournaledPart[] {
  try {
    const part: unknown = line === '' ? undefined : JSON.parse(line)
    return isJournaledPart(part) ? [part] : []
  } catch {
    return []
  }
}

function isJournaledPart(value: unknown): value is JournaledPart {
  if (typeof value !== 'object' || value === null) return false
  const { path, etag, crc, size, offset, length, crcAlgorithm } = value as Readonly<Record<string, unknown>>
  return (
    [path, etag, crc].every((text) => typeof text === 'string') &&
    [size, offset, length].every((number) => Number.isSafeInteger(number) && (number as number) >= 0) &&
    crcAlgorithms.some((known) => known === crcAlgorithm)
  )
}
