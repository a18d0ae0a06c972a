/**
 * Checks that apply to every read-only claim of many pods: it exists, it and its volume are bound to each other, and
 * several nodes can mount it.
 */
import type { Cluster } from '../../cluster/cluster.ts'
import type { PersistentVolume, PersistentVolumeClaim } from '../../cluster/objects.ts'
import { resources } from '../../cluster/resources.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked, warning } from './checks.ts'
import { absent, lookup, valueOf, type Lookup } from '../../diagnosis/lookup.ts'
import { describeObject, forgetClaim } from '../../diagnosis/kubectl-commands.ts'

export interface ClaimName {
  readonly namespace: string
  readonly name: string
}

export interface SeenClaim extends ClaimName {
  readonly claim: Lookup<PersistentVolumeClaim>
  /** The volume that the claim names. */
  readonly volume: Lookup<PersistentVolume>
}

export async function seeClaim(cluster: Cluster, { namespace, name }: ClaimName): Promise<SeenClaim> {
  const claim = await lookup(() => cluster.get(resources.persistentVolumeClaims, name, namespace))
  const volumeName = valueOf(claim)?.spec.volumeName ?? ''
  const volume = volumeName === '' ? absent : await lookup(() => cluster.get(resources.persistentVolumes, volumeName))
  return { namespace, name, claim, volume }
}

export function idOf({ namespace, name }: ClaimName): string {
  return `${namespace}/${name}`
}

export function isBound({ claim }: Pick<SeenClaim, 'claim'>): boolean {
  return valueOf(claim)?.status?.phase === 'Bound'
}

/** `apps/llama is bound to the volume pvc-1` */
export function describeBinding(seen: SeenClaim): string {
  return `${idOf(seen)} is bound to the volume ${valueOf(seen.claim)?.spec.volumeName ?? ''}`
}

/**
 * Problem of a claim whose volume is not bound to it; undefined if they are bound to each other, as far as can be seen.
 */
export function bindingProblem(seen: SeenClaim): string | undefined {
  const claim = valueOf(seen.claim)
  if (claim === undefined) return undefined
  if (!isBound(seen)) return `${idOf(seen)} is ${claim.status?.phase ?? 'Pending'}`
  if (seen.volume.state === 'unknown') return undefined
  if (seen.volume.state === 'absent') return `${describeBinding(seen)}, which is not there`
  const { claimRef } = seen.volume.value.spec
  return isReferenceTo(claimRef, claim)
    ? undefined
    : `${describeBinding(seen)}, which is ${describeReference(claimRef)}`
}

type ClaimReference = PersistentVolume['spec']['claimRef']

export function describeReference(reference: ClaimReference): string {
  return reference === undefined
    ? 'for any claim that fits (no claimRef)'
    : `for ${reference.namespace ?? ''}/${reference.name ?? ''}`
}

/** A reference without a uid was written by hand, before the claim existed. */
function isReferenceTo(reference: ClaimReference, { metadata }: PersistentVolumeClaim): boolean {
  return (
    reference !== undefined &&
    isReferenceByName(reference, metadata) &&
    (reference.uid ?? metadata.uid) === metadata.uid
  )
}

export function isReferenceByName(reference: ClaimReference, { namespace, name }: Partial<ClaimName>): boolean {
  return reference !== undefined && reference.namespace === namespace && reference.name === name
}

export function checkPresent({
  claim: { metadata },
  ...name
}: Pick<SeenClaim, 'namespace' | 'name'> & { claim: PersistentVolumeClaim }): Finding {
  if (metadata.deletionTimestamp === undefined) return ok('claim', idOf(name))
  return warning(
    'claim',
    `${idOf(name)} is being deleted, and goes when the last pod that mounts it has ended`,
    'create it again when it is gone',
  )
}

/** With another error for the claim, the missing binding is only a consequence. */
export function checkBinding(seen: SeenClaim, isExplained: boolean): Finding {
  const problem = bindingProblem(seen)
  if (problem === undefined) return ok('claim-bound', describeBinding(seen))
  if (isExplained) return unchecked('claim-bound', `${problem}, and cannot be bound before the errors below are fixed`)
  return withCommands(
    error('claim-bound', problem),
    describeObject({ kind: 'pvc', name: seen.name, namespace: seen.namespace }),
  )
}

/** The volume is reserved for an earlier claim of the same name. */
export function checkReleased({ claim }: SeenClaim, volume: PersistentVolume): Finding | undefined {
  const {
    metadata: { name },
    spec: { claimRef },
    status,
  } = volume
  const uid = valueOf(claim)?.metadata.uid
  if (uid === undefined || claimRef?.uid === undefined || claimRef.uid === uid) return undefined
  const problem = `the volume ${name} was that of an earlier claim ${claimRef.namespace ?? ''}/${claimRef.name ?? ''}, and is ${status?.phase ?? 'kept'}`
  return withCommands(error('claim-bound', problem, 'let the volume forget the earlier claim'), forgetClaim(volume))
}

const severalNodes = ['ReadOnlyMany', 'ReadWriteMany']

/** `recreate`: commands that recreate the claim with other fields, if no data is lost. */
export function checkAccess(
  name: ClaimName,
  { spec: { accessModes = [] } }: PersistentVolumeClaim,
  recreate: (change: { accessModes: string[] }) => readonly string[],
): Finding {
  if (accessModes.some((mode) => severalNodes.includes(mode))) {
    return ok('claim-access', `${idOf(name)}: ${accessModes.join(', ')}`)
  }
  const commands = recreate({ accessModes: ['ReadOnlyMany'] })
  const problem = `${idOf(name)} is ${accessModes.join(', ')}: pods of one node only`
  return commands.length > 0
    ? withCommands(error('claim-access', problem), ...commands)
    : error(
        'claim-access',
        problem,
        'copy the models to a claim with ReadWriteMany: access modes cannot be changed, and what is on this one may go with it',
      )
}
