/**
 * Decides whether a model that is already on the volume is the one that the pod asks for. A volume that is not the pod's own is
 * not trusted: with `verify` S3 is asked first, with the pod's own credentials, and every file is compared with the object that the
 * listing has. With `trust-own` the evidence on the volume is believed while S3 cannot be asked.
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { S3 } from '../s3/s3.ts'
import { quote } from '../values/print/printable.ts'
import { checksumOfFile, preferredChecksum, type ExpectedChecksum } from './verify/checksum.ts'
import type { LoadTask } from './environment.ts'
import { exits, failureLine, LoaderFailure, type Exit } from './exit-codes.ts'
import { counted, formatSize } from './format-size.ts'
import type { Listing } from './listing.ts'
import { longestManifestBytes, parseManifest, refuseOtherFiles, type Manifest } from './verify/manifest.ts'
import type { Report } from './report.ts'
import { refuseUnproven } from './verify/required-checksums.ts'
import { failureOf } from './s3-failure.ts'
import { comparePublished } from './volume/compare-published.ts'
import { openWithin, usingDirectory, type Directory } from './volume/directory.ts'
import { eachAtOnce } from './volume/each-at-once.ts'
import { fileFailureOf } from './volume/file-failure.ts'
import { readEvidence, writeEvidence, type EvidentObject, type FileEvidence } from './volume/file-evidence.ts'
import { markerOf, openFilesOf, type Marker } from './volume/published.ts'

/** Objects whose right to be read is proven by a HEAD each: those of more than so many would take seconds. */
const mostHeads = 64
const headsAtOnce = 8
const readsAtOnce = 4
const shownProblems = 3
const progressEveryMs = 5000

export interface ReuseContext {
  readonly task: LoadTask
  readonly report: Pick<Report, 'info' | 'warn'>
  readonly signal: AbortSignal
}

export interface ListedModel extends ReuseContext {
  readonly s3: S3
  readonly listing: Listing
  readonly manifest: Manifest | undefined
}

/** Throws a LoaderFailure where what is published is not what the bucket has, or where the pod may not read it. */
export async function verifyPublished(published: Directory, model: ListedModel): Promise<Marker> {
  const { task, listing, manifest } = model
  const marker = await markerOf(published, task)
  await askForObjects(model)
  if (!task.readOnly) return refuseOtherCounts(published, marker, listing)
  const { objects } = listing
  const comparison = await comparePublished(published, objects)
  refuseProblems(published, comparison.problems, task)
  const toRead = manifest === undefined ? comparison.unproven : [...objects.keys()]
  await compareContent({ published, objects, toRead, expectedOf: (i) => expectedByS3(i, model) }, model)
  const haveChecksums = task.requireChecksums || comparison.haveChecksums
  if (comparison.unproven.length > 0 || haveChecksums !== comparison.haveChecksums) {
    await renewEvidence(published, { objects, times: comparison.times, haveChecksums })
  }
  return marker
}

/**
 * With `trust-own`, while S3 cannot be asked: the marker, and the evidence that this user wrote, have to agree with the files. A
 * pinned manifest is read from the volume, where its SHA-256 proves it. Undefined where the volume has no evidence, or none of checksums
 * that the operator requires.
 */
export async function trustPublished(
  published: Directory,
  why: LoaderFailure,
  context: ReuseContext,
): Promise<Marker | undefined> {
  const { task, report } = context
  const marker = await markerOf(published, task)
  const objects = await evidentObjects(published, task)
  if (objects === undefined) return undefined
  report.warn(
    `${failureLine(why)}; the evidence on the volume is believed instead, as the operator's loader.reuse says`,
  )
  // The app may have changed any file.
  if (!task.readOnly) return marker
  const { problems, unproven } = await comparePublished(published, objects)
  const changed = unproven.map((i) => `${quote(objects[i]?.path ?? '')} was changed`)
  const counts = marker.files === objects.length ? [] : [`the marker counts ${counted(marker.files, 'file')}`]
  refuseProblems(published, [...problems, ...changed, ...counts], task)
  const manifest = await manifestOnVolume(published, task)
  if (manifest !== undefined) {
    const key = task.expect?.manifest?.key
    refuseOtherFiles(
      manifest,
      objects.map(({ path }) => path).filter((path) => path !== key),
    )
    const expectedOf = (i: number): Promise<ExpectedChecksum | undefined> =>
      Promise.resolve(expectedByManifest(objects[i]?.path ?? '', manifest, task))
    await compareContent({ published, objects, toRead: [...objects.keys()], expectedOf }, context)
  }
  return marker
}

/** True where the same pod may be served later: S3 or what gives credentials cannot be asked now. */
export function isOutage(error: unknown): error is LoaderFailure {
  const outages: readonly Exit[] = ['DownloadFailed', 'NoCredentials']
  return error instanceof LoaderFailure && outages.includes(error.exit) && exits[error.exit].heals
}

/**
 * The right to list proves no right to read. Where the operator requires checksums each object is asked for, because the model may have
 * been loaded before; a pinned manifest has them all.
 */
async function askForObjects({ task, listing: { objects }, manifest, s3 }: ListedModel): Promise<void> {
  const { source } = task
  const areRequired = task.requireChecksums && manifest === undefined
  const asked =
    objects.length <= mostHeads || areRequired
      ? objects
      : objects.toSorted((a, b) => b.size - a.size).slice(0, mostHeads)
  let unproven = 0
  await eachAtOnce(headsAtOnce, asked, async ({ key, size }) => {
    const { checksums } = await s3.head(source.bucket, key).catch((error: unknown) => {
      throw failureOf(error, source)
    })
    if (size > 0 && preferredChecksum(checksums) === undefined) unproven++
  })
  if (areRequired) refuseUnproven(unproven, objects.length, task)
}

/** An app that may write to the model changes its files: only their number and size in the bucket can be compared. */
function refuseOtherCounts(published: Directory, marker: Marker, { objects, bytes }: Listing): Marker {
  if (marker.files === objects.length && marker.bytes === bytes) return marker
  throw otherModel(
    published,
    `was loaded from ${counted(marker.files, 'object')} with ${marker.bytes} bytes, ${objects.length} with ${bytes} are listed`,
  )
}

function refuseProblems(published: Directory, problems: readonly string[], { source }: LoadTask): void {
  if (problems.length === 0) return
  const more = problems.length > shownProblems ? ` and ${problems.length - shownProblems} more` : ''
  throw otherModel(published, `is not ${source.uri}: ${problems.slice(0, shownProblems).join(', ')}${more}`)
}

function otherModel({ path }: Directory, what: string): LoaderFailure {
  return new LoaderFailure('ForeignFiles', `${path} ${what}`, {
    remedy: 'remove this directory, or choose another volume; publish each version under a prefix of its own',
  })
}

/** Undefined where S3 keeps no checksum of the whole. */
async function expectedByS3(
  i: number,
  { task, listing, manifest, s3 }: ListedModel,
): Promise<ExpectedChecksum | undefined> {
  const { key = '', path = '' } = listing.objects[i] ?? {}
  const pinned = manifest === undefined ? undefined : expectedByManifest(path, manifest, task)
  if (pinned !== undefined) return pinned
  return preferredChecksum((await s3.head(task.source.bucket, key)).checksums)
}

function expectedByManifest(path: string, manifest: Manifest, { expect }: LoadTask): ExpectedChecksum | undefined {
  const { key, sha256 = '' } = expect?.manifest ?? {}
  const value = path === key ? Buffer.from(sha256, 'hex').toString('base64') : manifest.get(path)
  return value === undefined ? undefined : { algorithm: 'SHA256', value }
}

interface ContentToCompare {
  readonly published: Directory
  readonly objects: readonly EvidentObject[]
  /** Numbers of the objects whose files are read. */
  readonly toRead: readonly number[]
  readonly expectedOf: (i: number) => Promise<ExpectedChecksum | undefined>
}

async function compareContent(
  { published, objects, toRead, expectedOf }: ContentToCompare,
  { task, report, signal }: ReuseContext,
): Promise<void> {
  if (toRead.length === 0) return
  const sizeOf = (i: number): number => objects[i]?.size ?? 0
  const totalBytes = toRead.reduce((sum, i) => sum + sizeOf(i), 0)
  let readBytes = 0
  const progress = setInterval(() => {
    report.info(`comparing what is on the volume: ${formatSize(readBytes)} of ${formatSize(totalBytes)}`)
  }, progressEveryMs)
  try {
    await eachAtOnce(readsAtOnce, toRead, async (i) => {
      signal.throwIfAborted()
      const path = objects[i]?.path ?? ''
      const problem = await contentProblem(published, path, await expectedOf(i), signal)
      if (problem !== undefined) refuseProblems(published, [`${quote(path)} ${problem}`], task)
      readBytes += sizeOf(i)
    })
  } finally {
    clearInterval(progress)
  }
}

async function contentProblem(
  published: Directory,
  path: string,
  expected: ExpectedChecksum | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (expected === undefined) {
    return 'is not the file that was loaded, or is of another object, and S3 keeps no checksum to compare'
  }
  const { algorithm, value } = expected
  const found = await checksumOfFile(path, algorithm, signal, (name) => openPublished(published, name))
  return found === value ? undefined : `has the ${algorithm} ${found}, not ${value}`
}

async function openPublished(published: Directory, path: string): Promise<FileHandle> {
  return await usingDirectory(await openFilesOf(published), async (files) =>
    usingDirectory(await openWithin(files, dirname(path)), (directory) =>
      directory.file(basename(path), constants.O_RDONLY),
    ),
  )
}

/** So that the next start need not read again. A volume that cannot be written to is read at every start. */
async function renewEvidence(published: Directory, evidence: FileEvidence): Promise<void> {
  try {
    await writeEvidence(published, evidence)
  } catch (error) {
    if (!(fileFailureOf(error) instanceof LoaderFailure)) throw error
  }
}

/** Undefined where the volume has no evidence of this user, or none of the checksums that the operator requires. */
async function evidentObjects(
  published: Directory,
  { requireChecksums, expect }: LoadTask,
): Promise<readonly EvidentObject[] | undefined> {
  const lines = await readEvidence(published)
  if (lines === undefined) return undefined
  const objects: EvidentObject[] = []
  let haveChecksums = true
  for await (const { path, size, etag, hasChecksum } of lines) {
    objects.push({ path, size, etag })
    haveChecksums &&= hasChecksum
  }
  const areRequired = requireChecksums && expect?.manifest === undefined
  return areRequired && !haveChecksums ? undefined : objects
}

/** Undefined where none is pinned. */
async function manifestOnVolume(published: Directory, { expect }: LoadTask): Promise<Manifest | undefined> {
  const pinned = expect?.manifest
  if (pinned === undefined) return undefined
  const file = await openPublished(published, pinned.key)
  try {
    const { size } = await file.stat()
    const text = size > longestManifestBytes ? '' : await file.readFile()
    const found = createHash('sha256').update(text).digest('hex')
    if (found === pinned.sha256) return parseManifest(text.toString(), pinned.key)
    throw otherModel(
      published,
      `has a manifest ${join('files', pinned.key)} with the SHA-256 ${found}, not ${pinned.sha256}`,
    )
  } finally {
    await file.close()
  }
}
