/**
 * Checks static provisioning: a claim and a volume that name each other. Kubernetes then compares neither class nor size.
 */
import type { PersistentVolume, PersistentVolumeClaim } from '../../cluster/objects.ts'
import { mountpointDriver } from './render-volume.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked } from './checks.ts'
import { valueOf } from '../../diagnosis/lookup.ts'
import { describeReference, idOf, isBound, isReferenceByName, type ClaimName } from '../shared/check-claim.ts'
import { patchObject, recreateClaimOf, type ClaimChange } from '../../diagnosis/kubectl-commands.ts'
import type { MountedPrefix } from './check-volume.ts'

/**
 * A Mountpoint volume's files stay in the bucket; a claim bound to a volume of another kind may hold files, and is not
 * recreated.
 */
export function recreateStaticClaim(
  { meant, ...prefix }: MountedPrefix,
  claim: PersistentVolumeClaim,
  change: ClaimChange,
): readonly string[] {
  const driver = valueOf(prefix.volume)?.spec.csi?.driver
  const mayHoldFiles = isBound(prefix) && driver !== mountpointDriver
  return meant === undefined || mayHoldFiles ? [] : recreateClaimOf(meant, claim, change)
}

export function checkStatic(prefix: MountedPrefix, claim: PersistentVolumeClaim): readonly Finding[] {
  const { volumeName = '' } = claim.spec
  if (!isBound(prefix) && volumeName === '') return [unnamedVolume(prefix, claim)]
  if (prefix.volume.state === 'unknown') return [unchecked('static-volume', prefix.volume.why)]
  if (prefix.volume.state === 'absent') {
    return [error('static-volume', `there is no volume ${volumeName}, which ${idOf(prefix)} names`)]
  }
  const {
    metadata: { name },
    spec: { claimRef },
  } = prefix.volume.value
  return [
    isReferenceByName(claimRef, prefix)
      ? ok('static-volume', `${idOf(prefix)} and ${name} name each other`)
      : wrongReference(prefix, prefix.volume.value),
  ]
}

/**
 * An empty class differs from a missing one: without the field the cluster's default class makes a volume of its own.
 */
function unnamedVolume(prefix: MountedPrefix, claim: PersistentVolumeClaim): Finding {
  const { storageClassName } = claim.spec
  const problem = `${idOf(prefix)} names no volume${storageClassName === '' ? '' : `, and ${describeClass(storageClassName)}; the driver provisions nothing`}`
  if (prefix.meant === undefined) {
    return error(
      'static-volume',
      problem,
      'apply what model-injector render mountpoint prints: there is no volume for this claim either',
    )
  }
  return withCommands(
    error('static-volume', problem, 'create the claim again for its volume'),
    ...recreateStaticClaim(prefix, claim, {}),
  )
}

function describeClass(name: string | undefined): string {
  return name === undefined
    ? 'no storageClassName, which leaves the choice to the cluster'
    : `has the storage class ${name}`
}

/** A volume that belongs to another claim is not changed. */
function wrongReference({ namespace, name }: ClaimName, { metadata, spec: { claimRef } }: PersistentVolume): Finding {
  const finding = error(
    'static-volume',
    `the volume ${metadata.name} is ${describeReference(claimRef)}, not for ${idOf({ namespace, name })}`,
  )
  if (claimRef !== undefined) return finding
  const reference = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name }
  return withCommands(finding, patchObject({ kind: 'pv', name: metadata.name }, { spec: { claimRef: reference } }))
}
