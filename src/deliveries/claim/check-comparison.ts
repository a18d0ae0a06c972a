/** Compares class and size of a claim and its source, as Trident does. Trident does not compare access modes. */
import type { PersistentVolumeClaim } from '../../cluster/objects.ts'
import { formatBytes, Mi, parseBytes } from '../../values/quantity.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { ok, unchecked } from './checks.ts'
import { idOf, type ClaimName, type SeenClaim } from '../shared/check-claim.ts'
import { recreateShare, broken, shareFrom } from './check-claim.ts'
import { createObject } from '../../diagnosis/kubectl-commands.ts'

export function compareClaims(seen: SeenClaim, source: PersistentVolumeClaim): readonly Finding[] {
  if (seen.claim.state !== 'found') {
    const why = seen.claim.state === 'unknown' ? seen.claim.why : `there is no claim ${idOf(seen)} yet`
    return (['shared-class', 'shared-size'] as const).map((id) => unchecked(id, why))
  }
  return [compareClasses(seen, seen.claim.value, source), compareSizes(seen, seen.claim.value, source)]
}

function compareClasses(seen: SeenClaim, claim: PersistentVolumeClaim, source: PersistentVolumeClaim): Finding {
  const [own, expected] = [classOf(claim), classOf(source)]
  if (own === expected) return ok('shared-class', `both have ${own}`)
  return withCommands(
    broken('shared-class', seen, `${idOf(seen)} has the storage class ${own}, its source ${expected}`),
    ...recreateShare(seen, claim, fieldsLike(source)),
  )
}

function classOf({ spec: { storageClassName = '' } }: PersistentVolumeClaim): string {
  return storageClassName === '' ? '""' : storageClassName
}

/** ONTAP's smallest volume; Trident does not round up. */
const leastBytes = 20 * Mi

function compareSizes(seen: SeenClaim, claim: PersistentVolumeClaim, source: PersistentVolumeClaim): Finding {
  const [own, most] = [requestOf(claim), sizeOf(source)]
  if (own >= leastBytes && own <= most) return ok('shared-size', `${formatBytes(own)} of ${formatBytes(most)}`)
  const limit =
    own > most ? `its source has ${formatBytes(most)}` : `Trident has no volume below ${formatBytes(leastBytes)}`
  return withCommands(
    broken('shared-size', seen, `${idOf(seen)} asks for ${formatBytes(own)}, and ${limit}`),
    ...recreateShare(seen, claim, fieldsLike(source)),
  )
}

function fieldsLike(source: PersistentVolumeClaim): { storageClassName: string; storage: string } {
  return { storageClassName: source.spec.storageClassName ?? '', storage: formatBytes(sizeOf(source)) }
}

function requestOf({ spec }: PersistentVolumeClaim): number {
  return bytesOf(spec.resources?.requests?.storage)
}

/** The actual capacity: a volume may have grown beyond its request. */
function sizeOf(source: PersistentVolumeClaim): number {
  return Math.max(requestOf(source), bytesOf(source.status?.capacity?.storage))
}

function bytesOf(quantity = '0'): number {
  const bytes = parseBytes(quantity)
  return bytes.ok ? bytes.value : 0
}

/** The manifest of a claim that does not exist yet. */
export function createShare({ namespace, name }: ClaimName, source: PersistentVolumeClaim): string {
  const { storageClassName, storage } = fieldsLike(source)
  return createObject({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name,
      namespace,
      annotations: { [shareFrom]: `${source.metadata.namespace ?? ''}/${source.metadata.name}` },
    },
    spec: { storageClassName, accessModes: ['ReadOnlyMany'], resources: { requests: { storage } } },
  })
}
