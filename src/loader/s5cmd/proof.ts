/**
 * Proves a whole file. s5cmd pins no ETag and compares no checksum, so that this asks afterwards: the object still has the ETag
 * that was listed, and the bytes on the volume have the checksum that S3 keeps of it, or that of the manifest.
 */
import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { meanings } from '../../s3/meaning.ts'
import { S3Error } from '../../s3/s3-error.ts'
import {
  combineParts,
  crcOf,
  preferredChecksum,
  startChecksum,
  type ExpectedChecksum,
  type RunningChecksum,
} from '../verify/checksum.ts'
import type { DownloadContext } from '../download-context.ts'
import { LoaderFailure } from '../exit-codes.ts'
import { checksOf, otherThanS3Says } from '../verify/expected-checksums.ts'
import type { ModelObject } from '../listing.ts'
import { failureOf } from '../s3-failure.ts'
import { loadCrc, ownCrc, type CrcAlgorithm } from '../transfer/crc.ts'
import { TransferError } from '../transfer/transfer-error.ts'
import type { Directory } from '../volume/directory.ts'
import { partBytes } from '../volume/evidence.ts'
import { hasCode } from '../volume/file-failure.ts'
import type { JournaledPart } from '../volume/journal.ts'
import { modesOf } from '../volume/layout.ts'
import { changedBeneath } from '../volume/staged-file.ts'

export interface Proof {
  /** For the journal: a later run reads them back. */
  readonly parts: readonly JournaledPart[]
  /** False where neither S3 nor a manifest has a checksum of the whole. */
  readonly isCompared: boolean
}

const readBytes = 2 ** 20

export interface FileToProve {
  readonly directory: Directory
  readonly name: string
}

/** Throws a LoaderFailure for other bytes, and a TransferError for an object that changed. Syncs the file to the disk. */
export async function prove(object: ModelObject, file: FileToProve, context: DownloadContext): Promise<Proof> {
  const expected = await currentChecksum(object, context)
  const algorithm = crcOf(expected?.algorithm) ?? ownCrc
  const handle = await openToProve(file)
  try {
    const parts = await readParts(handle, { object, expected, algorithm, context })
    compareWhole(object, expected, algorithm, parts)
    await handle.chmod(modesOf(context.task).file)
    await handle.datasync()
    const isCompared = object.size === 0 || expected !== undefined || context.manifest?.has(object.path) === true
    return { parts, isCompared }
  } finally {
    await handle.close()
  }
}

async function openToProve({ directory, name }: FileToProve): Promise<FileHandle> {
  try {
    return await directory.file(name, constants.O_RDONLY)
  } catch (error) {
    throw hasCode(error, 'ENOENT') ? changedBeneath(`${join(directory.path, name)} is gone`) : error
  }
}

/** The checksum of the object, if it is still the one that was listed. */
export async function currentChecksum(
  { key, etag }: ModelObject,
  { s3, task: { source } }: DownloadContext,
): Promise<ExpectedChecksum | undefined> {
  try {
    const head = await s3.head(source.bucket, key)
    if (head.etag === etag) return preferredChecksum(head.checksums)
  } catch (error) {
    if (!(error instanceof S3Error) || error.problem.status !== 404) throw failureOf(error, source)
  }
  throw new TransferError(`${key} has another ETag than in the listing`, { kind: 'changed', key })
}

interface Reading {
  readonly object: ModelObject
  readonly expected: ExpectedChecksum | undefined
  readonly algorithm: CrcAlgorithm
  readonly context: DownloadContext
}

async function readParts(
  handle: FileHandle,
  { object, expected, algorithm, context }: Reading,
): Promise<readonly JournaledPart[]> {
  const { path, etag, size } = object
  const found = await handle.stat()
  if (!found.isFile() || found.size !== size) throw lengthFailure(object, `${found.size} arrived`)
  const [startCrc, checks] = [await loadCrc(algorithm), checksOf(object, expected, context)]
  const sums = await Promise.all(checks.map((check) => startChecksum(check.algorithm)))
  const buffer = Buffer.allocUnsafeSlow(Math.min(readBytes, size))
  const parts: JournaledPart[] = []
  for (let offset = 0; offset < size; offset += partBytes) {
    const length = Math.min(partBytes, size - offset)
    const crc = startCrc()
    await readInto(handle, { offset, length, buffer, sums: [crc, ...sums], signal: context.signal })
    parts.push({ path, etag, size, offset, length, crc: crc.value(), crcAlgorithm: algorithm })
  }
  for (const [i, { value, refuse }] of checks.entries()) {
    const sum = sums[i]?.value() ?? ''
    if (sum !== value) throw refuse(sum)
  }
  return parts
}

interface Piece {
  readonly offset: number
  readonly length: number
  readonly buffer: Buffer
  readonly sums: readonly RunningChecksum[]
  readonly signal: AbortSignal
}

async function readInto(handle: FileHandle, { offset, length, buffer, sums, signal }: Piece): Promise<void> {
  for (let done = 0; done < length; ) {
    signal.throwIfAborted()
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, length - done), offset + done)
    if (bytesRead === 0) throw new LoaderFailure('VerificationFailed', 'a file became shorter while it was read')
    for (const sum of sums) sum.update(buffer.subarray(0, bytesRead))
    done += bytesRead
  }
}

function compareWhole(
  { path, size }: ModelObject,
  expected: ExpectedChecksum | undefined,
  algorithm: CrcAlgorithm,
  parts: readonly JournaledPart[],
): void {
  if (size === 0 || expected === undefined || crcOf(expected.algorithm) === undefined) return
  const whole = combineParts(algorithm, parts) ?? ''
  if (whole !== expected.value) throw otherThanS3Says(path, expected, whole)
}

/** The failure for an object that has the listed ETag and not the listed number of bytes. */
export function lengthFailure({ path, size }: ModelObject, found: string): LoaderFailure {
  return new LoaderFailure('VerificationFailed', `${path}: it has ${size} bytes in the listing, and ${found}`, {
    remedy: meanings.otherLength.remedy,
  })
}
