/**
 * Removes versions from the volume that were not used for long. The cluster is asked first which pods use them: without a
 * complete answer nothing is touched.
 */
import type { Cluster } from '../../cluster/cluster.ts'
import { LoaderFailure } from '../../loader/exit-codes.ts'
import type { Report } from '../../loader/report.ts'
import { volumeNowMs } from '../../loader/volume/volume-clock.ts'
import { publishFailureOf } from '../failure.ts'
import { markInUse } from '../in-use.ts'
import { withCurrentLock } from '../locks.ts'
import { readVolumeState, type VolumeState } from '../volume-state.ts'
import { markForRemoval, emptyTrash, moveToTrash, restoreFromTrash } from '../trash.ts'
import { prepareVolume, refuseOtherKinds, volumeAt, type PublishVolume } from '../volume.ts'
import { decidePrune, type PruneDecision } from './decide.ts'
import { readUses, type ClaimRef, type Uses } from './uses.ts'

export interface PruneRequest {
  /** Mount path of the volume. */
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
  readonly giveUp: (failure: LoaderFailure) => void
  /** The pod that this runs in, if any. */
  readonly ownPod: string | undefined
}

/** Throws a LoaderFailure if the versions in use are unknown, or the volume is not as expected. */
export async function prune(request: PruneRequest, deps: PruneDependencies): Promise<readonly PruneDecision[]> {
  const volume = volumeAt(request.root)
  try {
    await refuseOtherKinds(volume)
    const uses = await readUses(deps.cluster, request.claim, deps.ownPod)
    deps.signal.throwIfAborted()
    if (request.dryRun) return (await plan(volume, uses, request)).verdicts
    await prepareVolume(volume)
    const holder = { owner: crypto.randomUUID(), signal: deps.signal, report: deps.report, giveUp: deps.giveUp }
    const verdicts = await withCurrentLock(volume, holder, () => carryOut(volume, uses, request))
    await emptyTrash(volume)
    return verdicts
  } catch (error) {
    deps.signal.throwIfAborted()
    throw publishFailureOf(error)
  }
}

interface Plan {
  readonly state: VolumeState
  readonly verdicts: readonly PruneDecision[]
  readonly nowMs: number
}

async function plan(volume: PublishVolume, uses: Uses, request: PruneRequest): Promise<Plan> {
  const state = await readVolumeState(volume)
  refuseWithoutCurrent(state)
  // A dry run writes nothing, so it uses the clock of this machine.
  const nowMs = request.dryRun ? Date.now() : await volumeNowMs(volume.own)
  const { olderThanSeconds, graceSeconds, hotSwap } = request
  return {
    state,
    nowMs,
    verdicts: decidePrune(state, uses, {
      nowMs,
      olderThanMs: olderThanSeconds * 1000,
      graceMs: graceSeconds * 1000,
      hotSwap,
    }),
  }
}

function refuseWithoutCurrent({ current, versions }: VolumeState): void {
  if (versions.size === 0 || (current.kind === 'version' && current.there)) return
  throw new LoaderFailure('Nothing', 'current leads to no version, so nothing says which ones are older', {
    remedy: 'run publish, or publish --current VERSION',
  })
}

async function carryOut(volume: PublishVolume, uses: Uses, request: PruneRequest): Promise<readonly PruneDecision[]> {
  const { state, verdicts, nowMs } = await plan(volume, uses, request)
  await markAll(volume, state, uses)
  const done: PruneDecision[] = []
  for (const verdict of verdicts) done.push(await carryOutOne(volume, verdict, nowMs))
  return done
}

/** Marks only versions that are certainly in use: a mark for a presumed use would renew itself for ever. */
async function markAll(volume: PublishVolume, { current, versions }: VolumeState, uses: Uses): Promise<void> {
  const used = [...uses.versions.keys(), ...(current.kind === 'version' ? [current.version] : [])]
  for (const version of new Set(used)) if (versions.has(version)) await markInUse(volume, version)
}

async function carryOutOne(volume: PublishVolume, verdict: PruneDecision, nowMs: number): Promise<PruneDecision> {
  const { version, action, trashed } = verdict
  if (action === 'trash') await moveToTrash(volume, version, nowMs)
  if (trashed === undefined) return verdict
  if (action === 'remove') await markForRemoval(volume, trashed)
  if (action === 'restore' && !(await restoreFromTrash(volume, trashed))) {
    return { ...verdict, action: 'keep-in-trash', why: `${verdict.why}, but something else stands in its place` }
  }
  return verdict
}
