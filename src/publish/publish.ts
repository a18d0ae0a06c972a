/**
 * Copies every version published in the bucket to the volume, newest first, and moves `current` forward. Everything on the volume
 * stays, also versions that the bucket no longer lists or answers for.
 */
import type { Environment } from '../loader/environment.ts'
import { withRemedyFor } from '../loader/credentials/remedies.ts'
import { exits, LoaderFailure } from '../loader/exit-codes.ts'
import type { Report } from '../loader/report.ts'
import { quote } from '../values/print/printable.ts'
import type { S3Source } from '../values/source.ts'
import { baseTask, connectS3, type Access } from './access.ts'
import { newestFirst, type Order } from './decide-current.ts'
import { isOfOneVersion, publishFailureOf } from './failure.ts'
import { withCurrentLock } from './locks.ts'
import { previewCurrent, switchCurrent, pinCurrent, type CurrentState } from './switch-current.ts'
import { listPublishedVersions, type PublishedVersion, type Tag } from './published-versions.ts'
import { digestOfManifest, publishVersion, type Publisher } from './publish-version.ts'
import { readVolumeState, type HeldVersion, type VolumeState } from './volume-state.ts'
import { restoreFromTrash } from './trash.ts'
import { describeUnsafe } from './version-name.ts'
import { prepareVolume, refuseOtherKinds, volumeAt } from './volume.ts'

export interface PublishRequest {
  readonly source: S3Source
  /** Mount path of the volume. */
  readonly root: string
  readonly requiredTag: Tag | undefined
  /** A version to pin `current` to, or `newest`; undefined to keep the earlier choice. */
  readonly current: string | undefined
  readonly order: Order
  readonly dryRun: boolean
  readonly access: Access
}

export interface PublishDependencies {
  readonly env: Environment
  readonly report: Report
  /** Its reason becomes the failure of the run. */
  readonly signal: AbortSignal
  readonly giveUp: (failure: LoaderFailure) => void
  /** Time in which S3 is asked again about what may heal; 90 s by default. */
  readonly patienceMs?: number | undefined
}

export interface PublishResult {
  /** Versions published by this run, or by a dry run's preview. */
  readonly published: readonly string[]
  /** Versions that were on the volume already. */
  readonly present: readonly string[]
  readonly failed: readonly FailedVersion[]
  readonly current: CurrentState
}

interface FailedVersion {
  readonly version: string
  readonly failure: LoaderFailure
}

/** Throws a LoaderFailure where nothing can be published; failures of single versions are in the result. */
export async function publish(request: PublishRequest, deps: PublishDependencies): Promise<PublishResult> {
  const volume = volumeAt(request.root)
  const task = baseTask({ ...request, volume }, deps.env)
  const giveUp = (failure: LoaderFailure): void => {
    const own = publishFailureOf(failure)
    deps.giveUp(own instanceof LoaderFailure ? own : failure)
  }
  const holder = { owner: crypto.randomUUID(), signal: deps.signal, report: deps.report, giveUp }
  try {
    const s3 = connectS3(task, deps.env, deps)
    try {
      return await publishAll(request, { volume, task, s3, env: deps.env, holder, patienceMs: deps.patienceMs })
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
  const state = stateFor(request, await readVolumeState(volume))
  const isHeld = (version: string): boolean => state.versions.get(version)?.record !== undefined
  const isSelected = (version: string): boolean => !state.pruned.has(version) || version === state.pinned
  const { versions, unsafe } = await listPublishedVersions(
    { source: request.source, requiredTag: request.requiredTag, isSelected, isHeld },
    s3,
    report,
  )
  if (unsafe.length > 0) {
    report.warn(`left out, because their names are no names of versions: ${describeUnsafe(unsafe)}`)
  }
  refuseUnknown(request.current, state, versions)
  const missing = newestFirst(
    versions.filter(({ version }) => !isHeld(version)),
    request.order,
  )
  const present = versions.filter(({ version }) => isHeld(version))
  if (request.dryRun) return dryRun(state, missing, present, request.order)
  await prepareVolume(volume)
  await followRequest(request, publisher)
  await warnOfChanges(present, state, publisher)
  return await publishMissing(request, publisher, { missing, present })
}

function stateFor({ current }: PublishRequest, state: VolumeState): VolumeState {
  return current === undefined ? state : { ...state, pinned: current === 'newest' ? undefined : current }
}

/** A mistyped version would pin `current` to nothing. */
function refuseUnknown(
  requested: string | undefined,
  { versions, trash }: VolumeState,
  published: readonly PublishedVersion[],
): void {
  if (requested === undefined || requested === 'newest') return
  const known = [...versions.keys(), ...trash.map(({ version }) => version), ...published.map(({ version }) => version)]
  if (known.includes(requested)) return
  const shown = [...new Set(known)].slice(0, 10).join(', ')
  throw new LoaderFailure(
    'Nothing',
    `there is no version ${quote(requested)}, neither published in the bucket nor on the volume`,
    {
      remedy: shown === '' ? 'publish it first' : `--current takes one of ${shown}, or newest`,
    },
  )
}

function dryRun(
  state: VolumeState,
  missing: readonly PublishedVersion[],
  present: readonly PublishedVersion[],
  order: Order,
): PublishResult {
  const versions = new Map([...state.versions, ...missing.map((item) => [item.version, heldAs(item)] as const)])
  return {
    published: missing.map(nameOf),
    present: present.map(nameOf),
    failed: [],
    current: previewCurrent({ ...state, versions }, order),
  }
}

function heldAs({ version, source, manifest }: PublishedVersion): HeldVersion {
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

/** Applies --current; a version in the trash is restored. */
async function followRequest({ current }: PublishRequest, { volume, holder }: Publisher): Promise<void> {
  if (current === undefined) return
  await withCurrentLock(volume, holder, async () => {
    await pinCurrent(volume, current)
    const { trash, versions } = await readVolumeState(volume)
    const trashed = trash.find(({ version }) => version === current)
    if (trashed === undefined || versions.has(current)) return
    if (await restoreFromTrash(volume, trashed)) holder.report.info(`${current} is taken out of the trash`)
  })
}

/** Warns of changes in the bucket: a version on the volume never changes, because pods have its files mounted. */
async function warnOfChanges(
  present: readonly PublishedVersion[],
  { versions }: VolumeState,
  { s3, holder: { report } }: Publisher,
): Promise<void> {
  for (const published of present) {
    const { etag, sha256 } = versions.get(published.version)?.record?.manifest ?? {}
    if (etag === published.manifest.etag) continue
    const found = await digestOfManifest(published, s3).catch((error: unknown) => failureOfOne(error).exit)
    // A manifest that cannot be read says nothing about a change.
    if (found === sha256 || (found in exits && found !== 'VerificationFailed')) continue
    report.warn(
      `${published.version} was changed in the bucket after it was published; the volume keeps the first one. Publish the change as another version`,
    )
  }
}

interface VersionSets {
  readonly missing: readonly PublishedVersion[]
  readonly present: readonly PublishedVersion[]
}

async function publishMissing(
  { order }: PublishRequest,
  publisher: Publisher,
  { missing, present }: VersionSets,
): Promise<PublishResult> {
  const { volume, holder } = publisher
  const published: string[] = []
  const failed: FailedVersion[] = []
  // First, because an earlier run may have been interrupted between publishing and switching.
  let current = await switchCurrent(volume, order, holder)
  for (const item of missing) {
    const failure = await publishVersion(item, publisher).then(() => undefined, failureOfOne)
    if (failure === undefined) {
      published.push(item.version)
      current = joined(current, await switchCurrent(volume, order, holder))
    } else {
      failed.push({ version: item.version, failure })
      holder.report.warn(
        `${item.version} is not published: ${exits[failure.exit].summary}: ${failure.message}; ${failure.remedy}`,
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

/** Merges two switches of one run. */
function joined(first: CurrentState, then: CurrentState): CurrentState {
  if (!first.moved) return then
  return {
    version: then.version,
    moved: true,
    ...(first.from !== undefined && { from: first.from }),
    ...(then.why !== undefined && { why: then.why }),
  }
}

function nameOf({ version }: PublishedVersion): string {
  return version
}
