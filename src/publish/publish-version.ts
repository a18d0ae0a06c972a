/** Brings one version: the loader stages and verifies it in `.publish/incoming`, and one rename(2) puts it in its place. */
import { createHash } from 'node:crypto'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { PublishedCalls } from '../aws/s3-published.ts'
import type { Environment, LoadTask } from '../loader/environment.ts'
import { LoaderFailure } from '../loader/exit-codes.ts'
import { load } from '../loader/load.ts'
import { parseManifest } from '../loader/manifest.ts'
import { failureOf } from '../loader/s3-failure.ts'
import { hasCode } from '../loader/volume/file-failure.ts'
import type { Marker } from '../loader/volume/published.ts'
import { syncDirectory } from '../loader/volume/directory.ts'
import { volumeNowMs } from '../loader/volume/volume-clock.ts'
import { longestListingMs } from './access.ts'
import { withVersionLock, type LockHolder } from './locks.ts'
import { manifestName, type Offer } from './offers.ts'
import { readRecord, writeRecord, type VersionRecord } from './record.ts'
import { kindOf, type Volume } from './volume.ts'

export interface Publisher {
  readonly volume: Volume
  readonly task: LoadTask
  readonly s3: PublishedCalls
  readonly env: Environment
  readonly holder: LockHolder
}

const longestManifestBytes = 64 * 2 ** 20
const abandonedAfterMs = 24 * 60 * 60 * 1000

/** Resolves when it is there, whoever brought it. */
export async function publishVersion(offer: Offer, publisher: Publisher): Promise<void> {
  const { volume, holder } = publisher
  const isDone = async (): Promise<boolean> =>
    (await readRecord(volume, offer.version)) !== undefined && (await holdsFiles(join(volume.versions, offer.version)))
  await withVersionLock(volume, offer.version, holder, { isDone, work: () => bring(offer, publisher) })
}

async function bring(offer: Offer, publisher: Publisher): Promise<void> {
  const {
    volume,
    env,
    holder: { signal, report, owner },
  } = publisher
  await refuseForeign(volume, offer.version)
  const sha256 = await digestOfManifest(offer, publisher.s3)
  const task = taskOf(offer, sha256, publisher)
  await takeUpLeftovers(task, owner)
  const marker = await load(task, { env, report, signal, startJitterMs: 0, longestListingMs })
  // Before the rename: a version in its place without a record would be somebody else's.
  await writeRecord(volume, recordOf(offer, sha256, marker))
  await moveIntoPlace(volume, task, offer.version)
  report.info(`published ${offer.version}`)
}

async function refuseForeign(volume: Volume, version: string): Promise<void> {
  const path = join(volume.versions, version)
  const kind = await kindOf(path)
  if (kind === undefined || (kind === 'directory' && !(await holdsFiles(path)))) return
  throw new LoaderFailure('ForeignFiles', `${path} is there, and was not made by publish`)
}

/** The SHA-256 of the manifest, in hexadecimal digits. One without a line would let a version pass that is still empty. */
export async function digestOfManifest(
  { source, manifest: { key, etag, size } }: Offer,
  s3: PublishedCalls,
): Promise<string> {
  if (size > longestManifestBytes) {
    throw new LoaderFailure('VerificationFailed', `${key} has more than ${longestManifestBytes} bytes`)
  }
  const text = await s3.read(source.bucket, key, etag).catch((error: unknown) => {
    throw failureOf(error, source, 'read')
  })
  if (parseManifest(text.toString(), key).size === 0) {
    throw new LoaderFailure('VerificationFailed', `${key} names no file`)
  }
  return createHash('sha256').update(text).digest('hex')
}

function taskOf({ version, source }: Offer, sha256: string, { task, holder }: Publisher): LoadTask {
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
  { version, source, manifest: { etag, lastModified } }: Offer,
  sha256: string,
  { files, bytes }: Marker,
): VersionRecord {
  return { schema: 1, version, source: source.uri, manifest: { sha256, etag, lastModified }, files, bytes }
}

/**
 * The owner of the version's lock goes on where the last one was ended: a rename makes that one's staging its own, and takes it from
 * under whoever might still write there. What was moved out of incoming leaves a marker behind; what has a manifest of yesterday
 * that was changed since stays for a day.
 */
async function takeUpLeftovers({ root, id }: LoadTask, owner: string): Promise<void> {
  const names = await readdir(root)
  const staging = names.find((name) => name.startsWith(`.staging-${id}-`))
  if (staging !== undefined) await rename(join(root, staging), join(root, `.staging-${id}-${owner}`))
  const nowMs = await volumeNowMs(root)
  for (const name of names.filter((candidate) => /^[0-9a-f]{16}$/.test(candidate))) {
    const isMoved = name === id && (await kindOf(join(root, name, 'files'))) === undefined
    if (isMoved || nowMs - (await stat(join(root, name))).mtimeMs > abandonedAfterMs) {
      await rm(join(root, name), { recursive: true, force: true })
    }
  }
}

/** Onto nothing, or onto the empty directory that the kubelet makes for a subPath: rename(2) replaces no other. */
async function moveIntoPlace(volume: Volume, { root, id }: LoadTask, version: string): Promise<void> {
  const place = join(volume.versions, version)
  try {
    await rename(join(root, id, 'files'), place)
  } catch (error) {
    // Whoever was first has published the same files, or what stands there has no record that fits.
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
