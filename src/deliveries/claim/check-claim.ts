/** A claim that Trident shares, or may share, with another one. */
import type { PersistentVolumeClaim, StorageClass, TridentVolumeReference } from '../../cluster/objects.ts'
import type { Finding } from '../../diagnosis/finding.ts'
import { error, warning } from './checks.ts'
import { valueOf, type Lookup } from '../../diagnosis/lookup.ts'
import { idOf, isBound, type ClaimName, type SeenClaim } from '../shared/check-claim.ts'
import { recreateClaim, type ClaimChange } from '../../diagnosis/kubectl-commands.ts'
import type { Consumer, Writer } from '../shared/requested-model.ts'

export const shareFrom = 'trident.netapp.io/shareFromPVC'

/** A claim of the pods' namespace, with everything that sharing depends on. */
export interface SharedClaim extends SeenClaim {
  /** The source claim named on the command line. */
  readonly named: ClaimName | undefined
  /** The source claim; undefined if nothing is shared. */
  readonly source: SeenClaim | undefined
  /** Storage class of the source, or of the claim itself. */
  readonly sourceClass: Lookup<StorageClass>
  /** References in the pods' namespace; absent if Trident's definitions are not installed. */
  readonly references: Lookup<readonly TridentVolumeReference[]>
  readonly paths: readonly (string | undefined)[]
  readonly consumers: readonly Consumer[]
  readonly writers: readonly Writer[]
}

/** Undefined without the annotation, or if Trident cannot read it. */
export function sourceNameOf({ claim }: Pick<SeenClaim, 'claim'>): ClaimName | undefined {
  const [, namespace, name] = /^([^/]+)\/([^/]+)$/.exec(valueOf(claim)?.metadata.annotations?.[shareFrom] ?? '') ?? []
  return namespace === undefined || name === undefined ? undefined : { namespace, name }
}

/** A warning for a bound claim, which stays bound but could not be created again; otherwise an error. */
export function broken(id: Parameters<typeof error>[0], seen: SeenClaim, what: string): Finding {
  return isBound(seen)
    ? warning(id, `${what}; ${idOf(seen)} is bound already, but could not be created again`)
    : error(id, what)
}

/**
 * Only shares and unbound claims are recreated, since their files are elsewhere or do not exist; other claims could lose
 * files.
 */
export function recreateShare(seen: SeenClaim, claim: PersistentVolumeClaim, change: ClaimChange): readonly string[] {
  const isShare = shareFrom in (claim.metadata.annotations ?? {})
  return isShare || !isBound(seen) ? recreateClaim(claim, change) : []
}
