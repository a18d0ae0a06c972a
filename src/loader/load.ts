/**
 * The phases of a load. The app never starts without its model or with half of it: a published model was listed, received,
 * verified and synced to the disk as a whole, and every other outcome has an exit code of its own.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { trustAlso } from '../network/trust.ts'
import { s3Client } from '../s3/client.ts'
import type { BucketLocation } from '../s3/location.ts'
import { patienceWithin } from '../s3/patience.ts'
import type { S3 } from '../s3/s3.ts'
import { rareProblems } from './credentials/waiting.ts'
import { credentialsSource, type CredentialsSource } from './credentials/credentials.ts'
import type { RunningEngine } from './download-context.ts'
import { startEngine } from './engine.ts'
import type { Environment, LoadTask } from './environment.ts'
import { LoaderFailure } from './exit-codes.ts'
import { counted, formatSize } from './format-size.ts'
import { listModel, openListing, type OpenListing } from './listing.ts'
import { locateSource } from './locate-source.ts'
import { readManifest, type Manifest } from './verify/manifest.ts'
import type { Report } from './report.ts'
import { describeUnproven, refuseUnproven } from './verify/required-checksums.ts'
import { failureOf } from './s3-failure.ts'
import { TransferError } from './transfer/transfer.ts'
import { refuseOtherThanListed } from './volume/comparison.ts'
import { fileFailureOf, hasCode } from './volume/file-failure.ts'
import { layoutOf, type Layout } from './volume/layout.ts'
import { acquireLock } from './volume/lock.ts'
import { isOutage, trustPublished, verifyPublished } from './reuse.ts'
import { findPublished, isPublished, usingPublished, type Marker } from './volume/published.ts'
import { measureRoom, outOfSpace } from './volume/space.ts'
import {
  discardStaging,
  hasStaging,
  openStaging,
  publishStaging,
  removeStaleStagings,
  type Staging,
} from './volume/staging.ts'

export interface LoadDependencies {
  readonly env: Environment
  readonly report: Report
  /** Its reason becomes the loader's failure. */
  readonly signal: AbortSignal
  /** Aborts the signal: what stalls may hang in a call that never returns. */
  readonly giveUp: (failure: LoaderFailure) => void
  /** Longest random delay before listing, so that a thousand pods that start at once do not list in the same instant. */
  readonly startJitterMs: number
  /** Limit of a listing, for callers without an overall deadline. */
  readonly longestListingMs?: number
  /** Time in which S3 is asked again about what may heal; by default that of the task. */
  readonly patienceMs?: number | undefined
}

interface Session extends LoadDependencies {
  readonly task: LoadTask
  readonly layout: Layout
  readonly location: BucketLocation
}

/** Resolves when the model is published; rejects with a LoaderFailure, or with another error for a bug. */
export async function load(task: LoadTask, deps: LoadDependencies): Promise<Marker> {
  const session = { ...deps, task, layout: layoutOf(task), location: locateSource(task, deps.env) }
  trustOperators(task)
  try {
    return (await alreadyThere(session)) ?? (await loadLocked(session))
  } catch (error) {
    throw fileFailureOf(failureOf(error, task.source))
  }
}

/** Affects STS on this thread; the threads that talk to S3 trust the certificates on their own. */
function trustOperators({ alsoTrusted }: LoadTask): void {
  try {
    trustAlso(alsoTrusted)
  } catch (error) {
    throw new LoaderFailure('InvalidEnvironment', `MODEL_CA_CERTIFICATES holds no certificates: ${String(error)}`, {
      cause: error,
    })
  }
}

async function alreadyThere(session: Session): Promise<Marker | undefined> {
  return await (session.task.reuse === undefined ? alreadyPublished(session) : reusePublished(session))
}

/** A model on a volume that is not the pod's own: a pod without the right to read it does not get it from there either. */
async function reusePublished(session: Session): Promise<Marker | undefined> {
  const { layout, task } = session
  if (!(await isPublished(layout))) return undefined
  try {
    return await verifyListed(session)
  } catch (error) {
    if (task.reuse !== 'trust-own' || !isOutage(error)) throw error
    const marker = await usingPublished(layout, (published) => trustPublished(published, error, session))
    if (marker === undefined) throw error
    return marker
  }
}

async function verifyListed(session: Session): Promise<Marker | undefined> {
  const { task, layout, report, env, signal } = session
  const say = (line: string): void => {
    report.info(line)
  }
  const s3 = openS3(session, credentialsSource(task, env, signal, say))
  try {
    const listing = await listModel(task, s3)
    const manifest = await readManifest(task, listing.objects, s3)
    const model = { ...session, s3, listing, manifest }
    const marker = await usingPublished(layout, (published) => verifyPublished(published, model))
    if (marker !== undefined) report.info(`${task.source.uri} is on the volume already, and is what the bucket has`)
    return marker
  } finally {
    s3.close()
  }
}

async function alreadyPublished({ layout, task, report }: Session): Promise<Marker | undefined> {
  const marker = await findPublished(layout, task)
  if (marker !== undefined) {
    report.info(
      `${task.source.uri} is on the volume already: ${counted(marker.files, 'file')}, ${formatSize(marker.bytes)}`,
    )
  }
  return marker
}

/** The lock only saves bandwidth: without it, several loaders would load and one would publish. */
async function loadLocked(session: Session): Promise<Marker> {
  const { layout, task, env, signal, report } = session
  const say = (line: string): void => {
    report.info(line)
  }
  const credentials = credentialsSource(task, env, signal, say)
  const lock = await acquireLock(layout, {
    podUid: task.podUid,
    isPublished: () => isPublished(layout),
    signal,
    say,
  })
  try {
    // The previous holder of the lock may have published.
    const marker = await alreadyThere(session)
    if (marker !== undefined) return marker
    for (const name of await removeStaleStagings(layout)) {
      report.info(`removed ${name}, which was not used for ten minutes`)
    }
    return await loadWith(session, credentials)
  } finally {
    await lock?.release()
  }
}

async function loadWith(session: Session, credentials: CredentialsSource | undefined): Promise<Marker> {
  try {
    return await listAndLoad(session, credentials)
  } catch (error) {
    if (!isChange(error)) throw error
    session.report.warn(`${error.key} changed while it was read; listing again`)
    return await listAndLoad(session, credentials).catch((again: unknown) => {
      if (!isChange(again)) throw again
      throw new LoaderFailure('VerificationFailed', `${again.key} changed twice while it was read`, { cause: again })
    })
  }
}

async function listAndLoad(session: Session, credentials: CredentialsSource | undefined): Promise<Marker> {
  const { signal, startJitterMs } = session
  const engine = await startEngine(session)
  const over = new AbortController()
  const s3 = openS3({ ...session, signal: AbortSignal.any([signal, over.signal]) }, credentials)
  try {
    await sleep(Math.random() * startJitterMs, undefined, { signal })
    return await loadOnce(session, { s3, engine, credentials })
  } finally {
    // A listing may be under way.
    over.abort()
    s3.close()
    await engine.stop()
  }
}

function openS3(session: Session, credentials: CredentialsSource | undefined): S3 {
  const { task, location, report, signal, longestListingMs } = session
  return s3Client({
    locate: () => location,
    credentials,
    signal,
    patienceMs: session.patienceMs ?? patienceWithin(task.timeoutSeconds),
    onProblem: rareProblems((line) => {
      report.info(line)
    }, 'S3'),
    longestListingMs,
  })
}

interface LoadContext {
  readonly s3: S3
  readonly engine: RunningEngine
  readonly credentials: CredentialsSource | undefined
}

async function loadOnce(session: Session, context: LoadContext): Promise<Marker> {
  const { task } = session
  const { s3 } = context
  const listing = await openListing(task, s3)
  if (!(await mayBeginEarly(session, context))) await listing.whole()
  const manifest = await readManifest(task, listing.objects, s3)
  try {
    return await loadListed(session, { ...context, listing, manifest })
  } catch (error) {
    throw hasCode(error, 'ENOSPC')
      ? await outOfSpace(task, { files: listing.objects.length, bytes: listing.bytes }, error)
      : error
  }
}

/** A manifest is compared with the whole listing, and so is what an earlier run left. */
async function mayBeginEarly({ task, layout }: Session, { engine }: LoadContext): Promise<boolean> {
  return engine.takesPages && task.expect?.manifest === undefined && !(await hasStaging(layout))
}

interface ListedContext extends LoadContext {
  readonly listing: OpenListing
  readonly manifest: Manifest | undefined
}

async function loadListed(
  session: Session,
  { s3, engine, credentials, listing, manifest }: ListedContext,
): Promise<Marker> {
  const { task, layout, report, signal } = session
  const say = (line: string): void => {
    report.info(line)
  }
  const staging = await openStaging(layout, task, listing.objects, { signal, say })
  try {
    listing.bound(await measureRoom(task, staging.verifiedBytes))
    report.info(describe(task, listing, staging.verifiedBytes))
    const context = { task, listing, manifest, staging, s3, report, signal }
    const { withoutChecksum } = await engine.download(context, credentials)
    await listing.whole()
    await refuseOtherThanListed(layout, listing.objects, staging.directories)
    refuseUnproven(withoutChecksum, listing.objects.length, task)
    if (withoutChecksum > 0) reportUnproven(withoutChecksum, session, listing)
  } catch (error) {
    await staging.journal.close()
    if (isOfNoUse(error, staging)) await discardStaging(layout)
    throw error
  }
  const marker = {
    schema: 1,
    id: task.id,
    source: task.source.uri,
    files: listing.objects.length,
    bytes: listing.bytes,
  } as const
  if (await publishStaging(staging, task, marker)) return marker
  return takeOthers(session)
}

/** The engine native pins every request to the ETag; with s5cmd, bytes of another version are found by a checksum alone. */
function reportUnproven(count: number, { task, report }: Session, { objects }: OpenListing): void {
  const line = describeUnproven(count, objects.length)
  if (task.engine === 'native') report.info(`${line}; their sizes were checked`)
  else report.warn(`${line}; their sizes and ETags were checked, and only a manifest in expect tells more`)
}

/** True where the next run must not continue from staging, or never will: it is refused, or has no room. */
function isOfNoUse(error: unknown, { verifiedBytes }: Staging): boolean {
  if (!(error instanceof LoaderFailure)) return false
  if (error.exit === 'NoSpace') return verifiedBytes === 0
  return error.exit === 'VerificationFailed' || error.exit === 'UnsafeKeys'
}

/** Uses the model of another loader whose rename came first; it is just as complete. */
async function takeOthers(session: Session): Promise<Marker> {
  const marker = await alreadyThere(session)
  await discardStaging(session.layout)
  if (marker === undefined) throw new LoaderFailure('ForeignFiles', `${session.layout.published} cannot be replaced`)
  return marker
}

function describe({ source }: LoadTask, { objects, bytes, isWhole }: OpenListing, verified: number): string {
  const rest = verified === 0 ? '' : `, ${formatSize(verified)} of them from an earlier run`
  const soFar = isWhole ? '' : ' so far, while the listing goes on'
  return `loading ${source.uri}: ${counted(objects.length, 'object')}, ${formatSize(bytes)}${soFar}${rest}`
}

function isChange(error: unknown): error is TransferError {
  return error instanceof TransferError && (error.kind === 'changed' || error.kind === 'notFound')
}
