/** Verifies the downloaded files against the checksums of S3 and of the manifest. */
import { join } from 'node:path'
import { smallStates, type ObjectStates, type LikelyChecksum, type LargeState } from '../object-state.ts'
import { checksumOfFile, combineParts, crcOf, type ExpectedChecksum } from './checksum.ts'
import { needsReading, otherThanS3Says } from './expected-checksums.ts'
import type { DownloadContext, DownloadResult } from '../download-context.ts'
import { LoaderFailure } from '../exit-codes.ts'
import { formatSize } from '../format-size.ts'
import type { ModelObject } from '../listing.ts'
import { ownCrc } from '../transfer/crc.ts'
import type { JournaledPart } from '../volume/journal.ts'

const progressEveryMs = 5000

/** The checksum computed on arrival may be of another algorithm: then the file is read. */
export async function compareSmall(
  object: ModelObject,
  expected: ExpectedChecksum,
  { crc, likelyChecksum }: { crc: string | undefined; likelyChecksum: LikelyChecksum },
  context: DownloadContext,
): Promise<void> {
  likelyChecksum.crc = crcOf(expected.algorithm) ?? ownCrc
  if (crc !== expected.value) await compareFile(object, expected, context)
}

async function compareFile(
  { path }: ModelObject,
  expected: ExpectedChecksum,
  { staging, signal }: DownloadContext,
): Promise<void> {
  const found = await checksumOfFile(join(staging.layout.stagingFiles, path), expected.algorithm, signal)
  if (found !== expected.value) throw otherThanS3Says(path, expected, found)
}

/** Waits until the files are read back, and reports progress. */
export async function readToEnd({ readBack }: ObjectStates, { report }: DownloadContext): Promise<void> {
  const progress = setInterval(() => {
    report.info(
      `reading back what was downloaded: ${formatSize(readBack.bytesRead)} of ${formatSize(readBack.bytesArrived)}`,
    )
  }, progressEveryMs)
  try {
    await readBack.end()
  } finally {
    clearInterval(progress)
  }
}

/** Compares the checksums that are combined from those of parts; all others were compared on arrival. */
export async function verify(
  { small, large, readBack }: ObjectStates,
  context: DownloadContext,
): Promise<DownloadResult> {
  let withoutChecksum = 0
  for (const [i, object] of context.listing.objects.entries()) {
    context.signal.throwIfAborted()
    const state = large.get(i)
    const covered = state === undefined ? small[i] !== smallStates.missing : coveredBytes(state.parts) === object.size
    if (!covered) throw new LoaderFailure('VerificationFailed', `${object.path} is not there as a whole`)
    const compared =
      state === undefined ? small[i] === smallStates.verified : await compareLarge(object, state, context)
    if (!compared && context.manifest?.has(object.path) !== true) withoutChecksum++
  }
  refuseUnread(readBack.filesCompared, large, context)
  return { withoutChecksum }
}

/** Guards against a bug of ours: the app must not start with a file that was not read. */
function refuseUnread(filesCompared: number, large: ObjectStates['large'], context: DownloadContext): void {
  const expected = context.listing.objects.filter((object, i) =>
    needsReading(object, large.get(i)?.expected, context),
  ).length
  if (filesCompared !== expected) throw new Error(`${filesCompared} files were read back, not ${expected}`)
}

/** False if S3 keeps no checksum of the whole object. */
async function compareLarge(
  object: ModelObject,
  { parts, expected }: LargeState,
  context: DownloadContext,
): Promise<boolean> {
  if (expected === undefined) return false
  const crc = crcOf(expected.algorithm)
  // Parts of an earlier run may have been summed by another algorithm.
  const ofParts =
    crc === undefined || parts.some(({ crcAlgorithm }) => crcAlgorithm !== crc) ? undefined : combineParts(crc, parts)
  if (crc !== undefined && ofParts !== expected.value) await compareFile(object, expected, context)
  return true
}

function coveredBytes(parts: readonly JournaledPart[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0)
}
