/**
 * Which parts of an earlier run are on the volume for certain. A line of the journal says what was received; that the file still
 * holds it is another matter: it may be gone, be somebody else's, or have become zeros when the power went. So every part that a
 * line claims is read back, and counts with the checksum that it had when it came. The disk is faster than the way to S3.
 */
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { formatSize } from '../format-size.ts'
import type { ModelObject } from '../listing.ts'
import { loadCrc, type CrcAlgorithm, type RunningCrc } from '../transfer/crc.ts'
import type { JournaledPart } from './journal.ts'
import { openIfReadable } from './staged-file.ts'

/** Objects of up to one part are fetched whole, which makes S3 send their checksum. */
export const partBytes = 16 * 2 ** 20

export interface EvidenceOptions {
  readonly signal?: AbortSignal
  /** Is told every so often how far it is. */
  readonly say?: (line: string) => void
}

/** By path. */
export type VerifiedParts = ReadonlyMap<string, readonly JournaledPart[]>

const filesAtOnce = 4
const readBytes = 2 ** 20
const progressEveryMs = 5000

/** No directory below `directory` is a link. */
export async function findVerified(
  directory: string,
  parts: readonly JournaledPart[],
  objects: readonly ModelObject[],
  { signal, say = () => undefined }: EvidenceOptions,
): Promise<VerifiedParts> {
  const claims = claimsOf(parts, objects)
  const verified = new Map<string, readonly JournaledPart[]>()
  if (claims.length === 0) return verified
  const claimedBytes = claims.reduce((sum, claim) => sum + bytesOf(claim.parts), 0)
  const starters = await loadStarters(claims)
  let read = 0
  const progress = setInterval(() => {
    say(`reading back what an earlier run brought: ${formatSize(read)} of ${formatSize(claimedBytes)}`)
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

interface Claim {
  readonly object: ModelObject
  readonly parts: readonly JournaledPart[]
}

/** What the journal claims of the objects that are listed now; the last line that speaks of a part counts. */
function claimsOf(parts: readonly JournaledPart[], objects: readonly ModelObject[]): readonly Claim[] {
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

/** Of the same object, and one of the parts that it is fetched in. */
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

async function loadStarters(claims: readonly Claim[]): Promise<Starters> {
  const algorithms = new Set(claims.flatMap(({ parts }) => parts.map(({ crcAlgorithm }) => crcAlgorithm)))
  return new Map(await Promise.all([...algorithms].map(async (name) => [name, await loadCrc(name)] as const)))
}

interface Means {
  readonly starters: Starters
  readonly buffer: Buffer
  readonly signal: AbortSignal | undefined
}

async function verifyFile(file: string, { object, parts }: Claim, means: Means): Promise<readonly JournaledPart[]> {
  const handle = await openIfReadable(file)
  if (handle === undefined) return []
  try {
    const found = await handle.stat()
    // Its last part may be missing; what is longer was not written by a loader of this object.
    if (!found.isFile() || found.size > object.size) return []
    const good: JournaledPart[] = []
    for (const part of parts.toSorted((a, b) => a.offset - b.offset)) {
      if (part.offset + part.length <= found.size && (await holdsPart(handle, part, means))) good.push(part)
    }
    return good
  } finally {
    await handle.close()
  }
}

async function holdsPart(
  handle: FileHandle,
  { offset, length, crc, crcAlgorithm }: JournaledPart,
  { starters, buffer, signal }: Means,
): Promise<boolean> {
  const sum = starters.get(crcAlgorithm)?.()
  if (sum === undefined) return false
  for (let done = 0; done < length; ) {
    signal?.throwIfAborted()
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, length - done), offset + done)
    if (bytesRead === 0) return false
    sum.update(buffer.subarray(0, bytesRead))
    done += bytesRead
  }
  return sum.value() === crc
}
