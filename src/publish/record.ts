/** Records of the expected content of published versions. They are kept outside the versions, which hold only delivered files. */
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '../loader/volume/file-failure.ts'
import { measure } from '../loader/volume/published.ts'
import { readOwnFile, syncDirectory } from '../loader/volume/directory.ts'
import { writeDurably } from '../loader/volume/staging.ts'
import type { PublishVolume } from './volume.ts'

export interface VersionRecord {
  readonly schema: 1
  readonly version: string
  /** s3://bucket/prefix/VERSION/ */
  readonly source: string
  readonly manifest: {
    readonly sha256: string
    readonly etag: string
    /** Upload time in S3, in ISO 8601. */
    readonly lastModified: string
  }
  readonly files: number
  readonly bytes: number
}

export function recordPath({ records }: PublishVolume, version: string): string {
  return join(records, `${version}.json`)
}

/** Writes atomically, so that an interrupted run leaves no half of a record. */
export async function writeRecord(volume: PublishVolume, record: VersionRecord): Promise<void> {
  await replaceDurably(volume.records, recordPath(volume, record.version), `${JSON.stringify(record)}\n`)
}

export async function removeRecord(volume: PublishVolume, version: string): Promise<void> {
  await rm(recordPath(volume, version), { force: true })
}

/** Undefined where there is no valid record. */
export async function readRecord(volume: PublishVolume, version: string): Promise<VersionRecord | undefined> {
  const text = await readOwnFile(recordPath(volume, version)).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  })
  return text === undefined ? undefined : parseRecord(text, version)
}

function parseRecord(text: string, version: string): VersionRecord | undefined {
  try {
    const record = JSON.parse(text) as Omit<VersionRecord, 'schema'> & { readonly schema: unknown }
    const { sha256, etag, lastModified } = record.manifest
    const words = [record.source, sha256, etag, lastModified].every((value) => typeof value === 'string')
    const isOurs =
      record.schema === 1 &&
      record.version === version &&
      words &&
      [record.files, record.bytes].every(Number.isSafeInteger)
    return isOurs ? { ...record, schema: 1 } : undefined
  } catch {
    return undefined
  }
}

/** True if the directory has as many files and bytes as the record; contents were verified before publishing. */
export async function isWhole(directory: string, record: VersionRecord): Promise<boolean> {
  try {
    const { files, bytes } = await measure(directory)
    return files === record.files && bytes === record.bytes
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false
    throw error
  }
}

export async function replaceDurably(directory: string, path: string, text: string): Promise<void> {
  const temporary = join(directory, `.new-${crypto.randomUUID()}`)
  try {
    await writeDurably(temporary, text)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw error
  }
  await syncDirectory(directory)
}
