/** Publishes one version: the loader stages and verifies it in `.publish/incoming`, and one rename(2) moves it into place. */
import { createHash } from 'node:crypto'
import { lstat, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { S3 } from '../s3/s3.ts'
import type { Environment, LoadTask } from '../loader/environment.ts'
import { LoaderFailure } from '../loader/exit-codes.ts'
import { load } from '../loader/load.ts'
import { parseManifest } from '../loader/verify/manifest.ts'
import { failureOf } from '../loader/s3-failure.ts'
import { hasCode } from '../loader/volume/file-failure.ts'
import { layoutOf } from '../loader/volume/layout.ts'
import type { Marker } from '../loader/volume/published.ts'
import { syncDirectory } from '../loader/volume/directory.ts'
import { volumeNowMs } from '../loader/volume/volume-clock.ts'
import { longestListingMs } from './access.ts'
import { withVersionLock, type LockHolder } from './locks.ts'
import { manifestName, type PublishedVersion } from './published-versions.ts'
import { readRecord, writeRecord, type VersionRecord } from './record.ts'
import { kindOf, type PublishVolume } from './volume.ts'

export interface Publisher {
  readonly volume: PublishVolume
  readonly task: LoadTask
  readonly s3: S3
  readonly env: Environment
  readonly holder: LockHolder
  /** Time in which S3 is asked again about what may heal; 90 s by default. */
  readonly patienceMs?: number | undefined
}

const longestManifestBytes = 64 * 2 ** 20
const abandonedAfterMs = 24 * 60 * 60 * 1000

/** Resolves when the version is on the volume, also if another process published it. */
export async function publishVersion(published: PublishedVersion, publisher: Publisher): Promise<void> {
  const { volume, holder } = publisher
  const isDone = async (): Promise<boolean> =>
    (await readRecord(volume, published.version)) !== undefined &&
    (await holdsFiles(join(volume.versions, published.version)))
  await withVersionLock(volume, published.version, holder, { isDone, work: () => stageVersion(published, publisher) })
}

async function stageVersion(published: PublishedVersion, publisher: Publisher): Promise<void> {
  const {
    volume,
    env,
    holder: { signal, report, giveUp, owner },
    patienceMs,
  } = publisher
  await refuseForeign(volume, published.version)
  const sha256 = await digestOfManifest(published, publisher.s3)
  const task = taskOf(published, sha256, publisher)
  await resumeInterrupted(task, owner)
  const marker = await load(task, { env, report, signal, giveUp, startJitterMs: 0, longestListingMs, patienceMs })
  // Before the rename: a version without a record would count as foreign.
  await writeRecord(volume, recordOf(published, sha256, marker))
  await moveIntoPlace(volume, task, published.version)
  report.info(`published ${published.version}`)
}

async function refuseForeign(volume: PublishVolume, version: string): Promise<void> {
  const path = join(volume.versions, version)
  const kind = await kindOf(path)
  if (kind === undefined || (kind === 'directory' && !(await holdsFiles(path)))) return
  throw new LoaderFailure('ForeignFiles', `${path} is there, and was not made by publish`)
}

/** SHA-256 of the manifest, in hexadecimal digits. A manifest without lines is refused: it would accept an empty version. */
export async function digestOfManifest(
  { source, manifest: { key, etag, size } }: PublishedVersion,
  s3: S3,
): Promise<string> {
  if (size > longestManifestBytes) {
    throw new LoaderFailure('VerificationFailed', `${key} has more than ${longestManifestBytes} bytes`)
  }
  const text = await s3.read(source.bucket, key, etag, longestManifestBytes).catch((error: unknown) => {
    throw failureOf(error, source)
  })
  if (parseManifest(text.toString(), key).size === 0) {
    throw new LoaderFailure('VerificationFailed', `${key} names no file`)
  }
  return createHash('sha256').update(text).digest('hex')
}

function taskOf({ version, source }: PublishedVersion, sha256: string, { task, holder }: Publisher): LoadTask {
  const id = createHash('sha256')
    .update(JSON.stringify([source.uri, task.endpoint, sha256]))
    .digest('hex')
    .slice(0, 16)
  return {
    ...task,
    name: version,
    source,
    id,
    podUid: holder.owner,
    expect: { manifest: { key: manifestName, sha256 } },
  }
}

function recordOf(
  { version, source, manifest: { etag, lastModified } }: PublishedVersion,
  sha256: string,
  { files, bytes }: Marker,
): VersionRecord {
  return { schema: 1, version, source: source.uri, manifest: { sha256, etag, lastModified }, files, bytes }
}

/**
 * Continues an interrupted run: the owner of the version's lock renames the old staging directory to its own, away from a process
 * that might still write there, and removes the loader's lock of that process, so that it is not waited for a second time. Removes directories whose files were moved into place, and after a day those of manifests that
 * were changed since.
 */
async function resumeInterrupted(task: LoadTask, owner: string): Promise<void> {
  const { root, id } = task
  const names = await readdir(root)
  const staging = names.find((name) => name.startsWith(`.staging-${id}-`))
  if (staging !== undefined) await rename(join(root, staging), join(root, `.staging-${id}-${owner}`))
  await rm(layoutOf(task).lock, { recursive: true, force: true })
  const nowMs = await volumeNowMs(root)
  for (const name of names.filter((candidate) => /^[0-9a-f]{16}$/.test(candidate))) {
    const isMoved = name === id && (await kindOf(join(root, name, 'files'))) === undefined
    if (isMoved || nowMs - (await lstat(join(root, name))).mtimeMs > abandonedAfterMs) {
      await rm(join(root, name), { recursive: true, force: true })
    }
  }
}

/** Moves onto nothing, or onto the empty directory that the kubelet makes for a subPath: rename(2) replaces no other. */
async function moveIntoPlace(volume: PublishVolume, { root, id }: LoadTask, version: string): Promise<void> {
  const place = join(volume.versions, version)
  try {
    await rename(join(root, id, 'files'), place)
  } catch (error) {
    // The first process published the same files, or the directory there has no matching record.
    if (!hasCode(error, 'ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'ENOENT') || !(await holdsFiles(place))) throw error
  }
  await syncDirectory(volume.versions)
  await rm(join(root, id), { recursive: true, force: true })
}

async function holdsFiles(path: string): Promise<boolean> {
  try {
    return (await readdir(path)).length > 0
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false
    throw error
  }
}
