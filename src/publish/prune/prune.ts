/**
 * Takes versions off the volume that nobody has used for long. Who uses which is asked of the cluster first: without a whole
 * answer nothing is touched.
 */
import type { Cluster } from '../../cluster/cluster.ts'
import { LoaderFailure } from '../../loader/exit-codes.ts'
import type { Report } from '../../loader/report.ts'
import { volumeNowMs } from '../../loader/volume/volume-clock.ts'
import { publishFailureOf } from '../failure.ts'
import { markInUse } from '../in-use.ts'
import { withCurrentLock } from '../locks.ts'
import { surveyVolume, type Survey } from '../survey.ts'
import { condemn, emptyTrash, moveToTrash, restoreFromTrash } from '../trash.ts'
import { prepareVolume, refuseOtherKinds, volumeAt, type Volume } from '../volume.ts'
import { decide, type Verdict } from './decide.ts'
import { readUses, type ClaimRef, type Uses } from './uses.ts'

export interface PruneRequest {
  /** Where the volume is mounted. */
  readonly root: string
  readonly claim: ClaimRef
  readonly olderThanSeconds: number
  readonly graceSeconds: number
  readonly hotSwap: boolean
  readonly dryRun: boolean
}

export interface PruneDependencies {
  readonly cluster: Cluster
  readonly report: Report
  readonly signal: AbortSignal
  /** The pod that this runs in, if any. */
  readonly ownPod: string | undefined
}

/** Throws a LoaderFailure where it is not known what is in use, or the volume is not as it has to be. */
export async function prune(request: PruneRequest, deps: PruneDependencies): Promise<readonly Verdict[]> {
  const volume = volumeAt(request.root)
  try {
    await refuseOtherKinds(volume)
    const uses = await readUses(deps.cluster, request.claim, deps.ownPod)
    deps.signal.throwIfAborted()
    if (request.dryRun) return (await look(volume, uses, request)).verdicts
    await prepareVolume(volume)
    const holder = { owner: crypto.randomUUID(), signal: deps.signal, report: deps.report }
    const verdicts = await withCurrentLock(volume, holder, () => carryOut(volume, uses, request))
    await emptyTrash(volume)
    return verdicts
  } catch (error) {
    deps.signal.throwIfAborted()
    throw publishFailureOf(error)
  }
}

interface Look {
  readonly survey: Survey
  readonly verdicts: readonly Verdict[]
  readonly nowMs: number
}

async function look(volume: Volume, uses: Uses, request: PruneRequest): Promise<Look> {
  const survey = await surveyVolume(volume)
  refuseWithoutCurrent(survey)
  // A dry run writes nothing, and asks the clock of this machine.
  const nowMs = request.dryRun ? Date.now() : await volumeNowMs(volume.own)
  const { olderThanSeconds, graceSeconds, hotSwap } = request
  return {
    survey,
    nowMs,
    verdicts: decide(survey, uses, {
      nowMs,
      olderThanMs: olderThanSeconds * 1000,
      graceMs: graceSeconds * 1000,
      hotSwap,
    }),
  }
}

function refuseWithoutCurrent({ current, versions }: Survey): void {
  if (versions.size === 0 || (current.kind === 'version' && current.there)) return
  throw new LoaderFailure('Nothing', 'current leads to no version, so nothing says which ones are older', {
    remedy: 'run publish, or publish --current VERSION',
  })
}

async function carryOut(volume: Volume, uses: Uses, request: PruneRequest): Promise<readonly Verdict[]> {
  const { survey, verdicts, nowMs } = await look(volume, uses, request)
  await markAll(volume, survey, uses)
  const done: Verdict[] = []
  for (const verdict of verdicts) done.push(await carryOutOne(volume, verdict, nowMs))
  return done
}

/** Those that are only thought to be in use are not marked: a mark would make the next run think so for ever. */
async function markAll(volume: Volume, { current, versions }: Survey, uses: Uses): Promise<void> {
  const used = [...uses.versions.keys(), ...(current.kind === 'version' ? [current.version] : [])]
  for (const version of new Set(used)) if (versions.has(version)) await markInUse(volume, version)
}

async function carryOutOne(volume: Volume, verdict: Verdict, nowMs: number): Promise<Verdict> {
  const { version, action, trashed } = verdict
  if (action === 'trash') await moveToTrash(volume, version, nowMs)
  if (trashed === undefined) return verdict
  if (action === 'remove') await condemn(volume, trashed)
  if (action === 'restore' && !(await restoreFromTrash(volume, trashed))) {
    return { ...verdict, action: 'keep-in-trash', why: `${verdict.why}, but something else stands in its place` }
  }
  return verdict
}
