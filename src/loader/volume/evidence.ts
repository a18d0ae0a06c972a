/**
 * Finds the parts of an earlier run that are still intact. The journal says what was received, but the file may be gone, replaced,
 * or zeroed by a power cut. So every journaled part is read back and compared with its checksum on arrival. The disk is faster
 * than S3.
 */
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { formatSize } from '../format-size.ts'
import type { ModelObject } from '../listing.ts'
import { loadCrc, type CrcAlgorithm, type RunningCrc } from '../transfer/crc.ts'
import { timed } from './calls.ts'
import type { JournaledPart } from './journal.ts'
import { openIfReadable } from './staged-file.ts'

/** Objects of up to one part are fetched whole, which makes S3 send their checksum. */
export const partBytes = 16 * 2 ** 20

export interface EvidenceOptions {
  readonly signal?: AbortSignal
  /** Gets a progress line every few seconds. */
  readonly say?: (line: string) => void
}

/** Intact parts by path. */
export type VerifiedParts = ReadonlyMap<string, readonly JournaledPart[]>

const filesAtOnce = 4
const readBytes = 2 ** 20
const progressEveryMs = 5000

/** Requires that no directory below `directory` is a link. */
export async function findVerified(
  directory: string,
  parts: readonly JournaledPart[],
  objects: readonly ModelObject[],
  { signal, say = () => undefined }: EvidenceOptions,
): Promise<VerifiedParts> {
  const claims = journaledFiles(parts, objects)
  const verified = new Map<string, readonly JournaledPart[]>()
  if (claims.length === 0) return verified
  const claimedBytes = claims.reduce((sum, claim) => sum + bytesOf(claim.parts), 0)
  const starters = await loadStarters(claims)
  let read = 0
  const progress = setInterval(() => {
    say(`reading back what an earlier run downloaded: ${formatSize(read)} of ${formatSize(claimedBytes)}`)
  }, progressEveryMs)
  const waiting = claims.values()
  const work = async (): Promise<void> => {
    const buffer = Buffer.allocUnsafeSlow(readBytes)
    for (const claim of waiting) {
      signal?.throwIfAborted()
      const good = await verifyFile(join(directory, claim.object.path), claim, { starters, buffer, signal })
      if (good.length > 0) verified.set(claim.object.path, good)
      read += bytesOf(claim.parts)
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(filesAtOnce, claims.length) }, work))
  } finally {
    clearInterval(progress)
  }
  return verified
}

export function bytesOf(parts: readonly JournaledPart[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0)
}

interface JournaledFile {
  readonly object: ModelObject
  readonly parts: readonly JournaledPart[]
}

/** Groups the journal by listed object; the last line about a part counts. */
function journaledFiles(parts: readonly JournaledPart[], objects: readonly ModelObject[]): readonly JournaledFile[] {
  if (parts.length === 0) return []
  const listed = new Map(objects.map((object) => [object.path, object]))
  const claims = new Map<string, Map<number, JournaledPart>>()
  for (const part of parts) {
    const object = listed.get(part.path)
    if (object === undefined || !isPartOf(part, object)) continue
    const known = claims.get(part.path)
    if (known === undefined) claims.set(part.path, new Map([[part.offset, part]]))
    else known.set(part.offset, part)
  }
  return objects.flatMap((object) => {
    const ofObject = claims.get(object.path)
    return ofObject === undefined ? [] : [{ object, parts: [...ofObject.values()] }]
  })
}

/** True for a part of the same version of the object, with the bounds in which it is fetched. */
function isPartOf({ etag, size, offset, length }: JournaledPart, object: ModelObject): boolean {
  return (
    etag === object.etag &&
    size === object.size &&
    offset % partBytes === 0 &&
    offset < size &&
    length === Math.min(partBytes, size - offset)
  )
}

type Starters = ReadonlyMap<CrcAlgorithm, () => RunningCrc>

async function loadStarters(claims: readonly JournaledFile[]): Promise<Starters> {
  const algorithms = new Set(claims.flatMap(({ parts }) => parts.map(({ crcAlgorithm }) => crcAlgorithm)))
  return new Map(await Promise.all([...algorithms].map(async (name) => [name, await loadCrc(name)] as const)))
}

interface ReadContext {
  readonly starters: Starters
  readonly buffer: Buffer
  readonly signal: AbortSignal | undefined
}

async function verifyFile(
  file: string,
  { object, parts }: JournaledFile,
  context: ReadContext,
): Promise<readonly JournaledPart[]> {
  const handle = await openIfReadable(file)
  if (handle === undefined) return []
  try {
    const found = await handle.stat()
    // The last part may be missing; a longer file was not written by a loader of this object.
    if (!found.isFile() || found.size > object.size) return []
    const good: JournaledPart[] = []
    for (const part of parts.toSorted((a, b) => a.offset - b.offset)) {
      if (part.offset + part.length <= found.size && (await holdsPart(handle, part, context))) good.push(part)
    }
    return good
  } finally {
    await handle.close()
  }
}

async function holdsPart(
  handle: FileHandle,
  { path, offset, length, crc, crcAlgorithm }: JournaledPart,
  { starters, buffer, signal }: ReadContext,
): Promise<boolean> {
  const sum = starters.get(crcAlgorithm)?.()
  if (sum === undefined) return false
  for (let done = 0; done < length; ) {
    signal?.throwIfAborted()
    const read = handle.read(buffer, 0, Math.min(buffer.length, length - done), offset + done)
    const { bytesRead } = await timed(path, read)
    if (bytesRead === 0) return false
    sum.update(buffer.subarray(0, bytesRead))
    done += bytesRead
  }
  return sum.value() === crc
}
