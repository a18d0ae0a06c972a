/**
 * Brings every version that the bucket has published to the volume, newest first, and moves `current` forward. Whatever is on the
 * volume stays: what the bucket does not list, or does not answer for, is no reason to touch anything.
 */
import type { Environment } from '../loader/environment.ts'
import { withRemedyFor } from '../loader/credentials/remedies.ts'
import { exits, LoaderFailure } from '../loader/exit-codes.ts'
import type { Report } from '../loader/report.ts'
import { quote } from '../values/printable.ts'
import type { S3Source } from '../values/source.ts'
import { baseTask, connectS3, type Access } from './access.ts'
import { newestFirst, type Order } from './decide-current.ts'
import { isOfOneVersion, publishFailureOf } from './failure.ts'
import { withCurrentLock } from './locks.ts'
import { foretellCurrent, moveCurrent, pinCurrent, type CurrentState } from './move-current.ts'
import { listOffers, type Offer, type Tag } from './offers.ts'
import { digestOfManifest, publishVersion, type Publisher } from './publish-version.ts'
import { surveyVolume, type HeldVersion, type Survey } from './survey.ts'
import { restoreFromTrash } from './trash.ts'
import { describeUnsafe } from './version-name.ts'
import { prepareVolume, refuseOtherKinds, volumeAt } from './volume.ts'

export interface PublishRequest {
  readonly source: S3Source
  /** Where the volume is mounted. */
  readonly root: string
  readonly requiredTag: Tag | undefined
  /** A version that it has to lead to from now on, or `newest`; undefined: as it was told before. */
  readonly current: string | undefined
  readonly order: Order
  readonly dryRun: boolean
  readonly access: Access
}

export interface PublishDependencies {
  readonly env: Environment
  readonly report: Report
  /** Its reason is what the run ends with. */
  readonly signal: AbortSignal
}

export interface PublishResult {
  /** In a dry run: those that would be. */
  readonly published: readonly string[]
  /** Were there already. */
  readonly present: readonly string[]
  readonly failed: readonly FailedVersion[]
  readonly current: CurrentState
}

interface FailedVersion {
  readonly version: string
  readonly failure: LoaderFailure
}

/** Throws a LoaderFailure where nothing can be published; that one version cannot be is in the result. */
export async function publish(request: PublishRequest, deps: PublishDependencies): Promise<PublishResult> {
  const volume = volumeAt(request.root)
  const task = baseTask({ ...request, volume }, deps.env)
  const holder = { owner: crypto.randomUUID(), signal: deps.signal, report: deps.report }
  try {
    const s3 = connectS3(task, deps.env, deps)
    try {
      return await publishAll(request, { volume, task, s3, env: deps.env, holder })
    } finally {
      s3.close()
    }
  } catch (error) {
    deps.signal.throwIfAborted()
    const failure = publishFailureOf(error)
    throw failure instanceof LoaderFailure ? withRemedyFor(failure, task.credentials) : failure
  }
}

async function publishAll(request: PublishRequest, publisher: Publisher): Promise<PublishResult> {
  const {
    volume,
    s3,
    holder: { report },
  } = publisher
  await refuseOtherKinds(volume)
  const survey = surveyFor(request, await surveyVolume(volume))
  const isHeld = (version: string): boolean => survey.versions.get(version)?.record !== undefined
  const isWanted = (version: string): boolean => !survey.pruned.has(version) || version === survey.pinned
  const { offers, unsafe } = await listOffers(
    { source: request.source, requiredTag: request.requiredTag, isWanted, isHeld },
    s3,
    report,
  )
  if (unsafe.length > 0) {
    report.warn(`left out, because their names are no names of versions: ${describeUnsafe(unsafe)}`)
  }
  refuseUnknown(request.current, survey, offers)
  const missing = newestFirst(
    offers.filter(({ version }) => !isHeld(version)),
    request.order,
  )
  const present = offers.filter(({ version }) => isHeld(version))
  if (request.dryRun) return foretell(survey, missing, present, request.order)
  await prepareVolume(volume)
  await followRequest(request, publisher)
  await warnOfChanges(present, survey, publisher)
  return await publishMissing(request, publisher, { missing, present })
}

function surveyFor({ current }: PublishRequest, survey: Survey): Survey {
  return current === undefined ? survey : { ...survey, pinned: current === 'newest' ? undefined : current }
}

/** A mistyped version would pin `current` to nothing. */
function refuseUnknown(wanted: string | undefined, { versions, trash }: Survey, offers: readonly Offer[]): void {
  if (wanted === undefined || wanted === 'newest') return
  const known = [...versions.keys(), ...trash.map(({ version }) => version), ...offers.map(({ version }) => version)]
  if (known.includes(wanted)) return
  const shown = [...new Set(known)].slice(0, 10).join(', ')
  throw new LoaderFailure(
    'Nothing',
    `there is no version ${quote(wanted)}, neither published in the bucket nor on the volume`,
    {
      remedy: shown === '' ? 'publish it first' : `--current takes one of ${shown}, or newest`,
    },
  )
}

function foretell(survey: Survey, missing: readonly Offer[], present: readonly Offer[], order: Order): PublishResult {
  const versions = new Map([...survey.versions, ...missing.map((offer) => [offer.version, heldAs(offer)] as const)])
  return {
    published: missing.map(nameOf),
    present: present.map(nameOf),
    failed: [],
    current: foretellCurrent({ ...survey, versions }, order),
  }
}

function heldAs({ version, source, manifest }: Offer): HeldVersion {
  const record = {
    schema: 1,
    version,
    source: source.uri,
    manifest: { ...manifest, sha256: '' },
    files: 0,
    bytes: 0,
  } as const
  return { version, record, publishedMs: undefined, inUseMs: undefined }
}

/** What people asked for by --current; a version in the trash comes back from there. */
async function followRequest({ current }: PublishRequest, { volume, holder }: Publisher): Promise<void> {
  if (current === undefined) return
  await withCurrentLock(volume, holder, async () => {
    await pinCurrent(volume, current)
    const { trash, versions } = await surveyVolume(volume)
    const trashed = trash.find(({ version }) => version === current)
    if (trashed === undefined || versions.has(current)) return
    if (await restoreFromTrash(volume, trashed)) holder.report.info(`${current} is taken out of the trash`)
  })
}

/** Who mounts a version has mounted these files: it never changes here, whatever becomes of it in the bucket. */
async function warnOfChanges(
  present: readonly Offer[],
  { versions }: Survey,
  { s3, holder: { report } }: Publisher,
): Promise<void> {
  for (const offer of present) {
    const { etag, sha256 } = versions.get(offer.version)?.record?.manifest ?? {}
    if (etag === offer.manifest.etag) continue
    const found = await digestOfManifest(offer, s3).catch((error: unknown) => failureOfOne(error).exit)
    // It says as little of a change as of none that it could not be read.
    if (found === sha256 || (found in exits && found !== 'VerificationFailed')) continue
    report.warn(
      `${offer.version} was changed in the bucket after it was published; the volume keeps the first one. Publish the change as another version`,
    )
  }
}

interface Offered {
  readonly missing: readonly Offer[]
  readonly present: readonly Offer[]
}

async function publishMissing(
  { order }: PublishRequest,
  publisher: Publisher,
  { missing, present }: Offered,
): Promise<PublishResult> {
  const { volume, holder } = publisher
  const published: string[] = []
  const failed: FailedVersion[] = []
  // First what a run that was ended between the two had no time for.
  let current = await moveCurrent(volume, order, holder)
  for (const offer of missing) {
    const failure = await publishVersion(offer, publisher).then(() => undefined, failureOfOne)
    if (failure === undefined) {
      published.push(offer.version)
      current = joined(current, await moveCurrent(volume, order, holder))
    } else {
      failed.push({ version: offer.version, failure })
      holder.report.warn(
        `${offer.version} is not published: ${exits[failure.exit].summary}: ${failure.message}; ${failure.remedy}`,
      )
    }
  }
  return { published, present: present.map(nameOf), failed, current }
}

function failureOfOne(error: unknown): LoaderFailure {
  const failure = publishFailureOf(error)
  if (isOfOneVersion(failure)) return failure
  throw error
}

/** Two moves of one run are one. */
function joined(first: CurrentState, then: CurrentState): CurrentState {
  if (!first.moved) return then
  return {
    version: then.version,
    moved: true,
    ...(first.from !== undefined && { from: first.from }),
    ...(then.why !== undefined && { why: then.why }),
  }
}

function nameOf({ version }: Offer): string {
  return version
}
