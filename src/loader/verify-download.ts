/** Whether what arrived is what S3, or the manifest, says it is. */
import { join } from 'node:path'
import { smallStates, type Arrivals, type Habit, type LargeState } from './object-state.ts'
import { checksumOfFile, combineParts, crcOf, type WantedChecksum } from './checksum.ts'
import { needsReading, otherThanS3Says } from './expected-checksums.ts'
import type { DownloadContext, DownloadResult } from './download-context.ts'
import { LoaderFailure } from './exit-codes.ts'
import { formatSize } from './format-size.ts'
import type { ModelObject } from './listing.ts'
import { ownCrc } from './transfer/crc.ts'
import type { JournaledPart } from './volume/journal.ts'

const progressEveryMs = 5000

/** What was summed on arrival may have been another algorithm: then the file itself decides. */
export async function compareSmall(
  object: ModelObject,
  wanted: WantedChecksum,
  { crc, habit }: { crc: string | undefined; habit: Habit },
  context: DownloadContext,
): Promise<void> {
  habit.crc = crcOf(wanted.algorithm) ?? ownCrc
  if (crc !== wanted.value) await compareFile(object, wanted, context)
}

async function compareFile(
  { path }: ModelObject,
  wanted: WantedChecksum,
  { staging, signal }: DownloadContext,
): Promise<void> {
  const found = await checksumOfFile(join(staging.layout.stagingFiles, path), wanted.algorithm, signal)
  if (found !== wanted.value) throw otherThanS3Says(path, wanted, found)
}

/** Waits for what is read behind the download, and says how far it is. */
export async function readToEnd({ readBack }: Arrivals, { report }: DownloadContext): Promise<void> {
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

/** All was compared as it came, but for the checksums that are made of those of parts. */
export async function verify({ small, large, readBack }: Arrivals, context: DownloadContext): Promise<DownloadResult> {
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

/** A mistake of ours at most; but the app must not start with a file that nobody looked at. */
function refuseUnread(filesCompared: number, large: Arrivals['large'], context: DownloadContext): void {
  const wanted = context.listing.objects.filter((object, i) =>
    needsReading(object, large.get(i)?.wanted, context),
  ).length
  if (filesCompared !== wanted) throw new Error(`${filesCompared} files were read back, not ${wanted}`)
}

/** False: S3 keeps no checksum of it, or not one of the whole. */
async function compareLarge(
  object: ModelObject,
  { parts, wanted }: LargeState,
  context: DownloadContext,
): Promise<boolean> {
  if (wanted === undefined) return false
  const crc = crcOf(wanted.algorithm)
  // Parts of an earlier run may have been summed by another algorithm.
  const ofParts =
    crc === undefined || parts.some(({ crcAlgorithm }) => crcAlgorithm !== crc) ? undefined : combineParts(crc, parts)
  if (crc !== undefined && ofParts !== wanted.value) await compareFile(object, wanted, context)
  return true
}

function coveredBytes(parts: readonly JournaledPart[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0)
}
