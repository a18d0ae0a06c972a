/**
 * Evidence of what is in staging: a line for every part whose bytes were received, checked and brought to the disk. A
 * file's size proves nothing (a preallocated hole has its full size), so a run that continues believes only the journal.
 */
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { crcAlgorithms, type CrcAlgorithm } from '../transfer/crc.ts'
import { hasCode } from './file-failure.ts'

export interface JournaledPart {
  readonly path: string
  readonly etag: string
  readonly size: number
  readonly offset: number
  readonly length: number
  /** Of the bytes that were received, as S3 writes it. */
  readonly crc: string
  readonly crcAlgorithm: CrcAlgorithm
}

/** A link there was not made by a loader, and a pipe would be waited for. */
const neverAside = constants.O_NOFOLLOW | constants.O_NONBLOCK
const toAppend = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | neverAside

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
    const journal = new Journal(await open(path, toAppend, 0o600), everyMs)
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

/** What an earlier run claims to have brought; a line that was cut off by its end claims nothing. */
export async function readJournal(path: string): Promise<readonly JournaledPart[]> {
  return (await readText(path)).split('\n').slice(0, -1).flatMap(parseLine)
}

async function readText(path: string): Promise<string> {
  try {
    const file = await open(path, constants.O_RDONLY | neverAside)
    try {
      return await file.readFile('utf8')
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
