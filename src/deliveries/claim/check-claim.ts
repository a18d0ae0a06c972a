/** A claim that Trident shares, or may share, with another one. */
import type { PersistentVolumeClaim, StorageClass, TridentVolumeReference } from '../../cluster/objects.ts'
import type { Finding } from '../../diagnosis/finding.ts'
import { error, warning } from './checks.ts'
import { valueOf, type Lookup } from '../../diagnosis/lookup.ts'
import { idOf, isBound, type ClaimName, type SeenClaim } from '../shared/check-claim.ts'
import { recreateClaim, type ClaimChange } from '../../diagnosis/kubectl-commands.ts'
import type { Consumer, Writer } from '../shared/requested-model.ts'

export const shareFrom = 'trident.netapp.io/shareFromPVC'

/** A claim of the pods' namespace with all that sharing depends on. */
export interface SharedClaim extends SeenClaim {
  /** As the command line said. */
  readonly named: ClaimName | undefined
  /** Undefined where it is shared from nowhere. */
  readonly source: SeenClaim | undefined
  /** That of the source, or of the claim itself. */
  readonly sourceClass: Lookup<StorageClass>
  /** Of the namespace of the pods; absent where Trident's definitions are not installed. */
  readonly references: Lookup<readonly TridentVolumeReference[]>
  readonly paths: readonly (string | undefined)[]
  readonly askers: readonly Consumer[]
  readonly writers: readonly Writer[]
}

/** Undefined also where the annotation is none that Trident reads. */
export function sourceNameOf({ claim }: Pick<SeenClaim, 'claim'>): ClaimName | undefined {
  const [, namespace, name] = /^([^/]+)\/([^/]+)$/.exec(valueOf(claim)?.metadata.annotations?.[shareFrom] ?? '') ?? []
  return namespace === undefined || name === undefined ? undefined : { namespace, name }
}

/** What is bound stays so; it could not be made once more. */
export function broken(id: Parameters<typeof error>[0], seen: SeenClaim, what: string): Finding {
  return isBound(seen)
    ? warning(id, `${what}; ${idOf(seen)} is bound already, but could not be created again`)
    : error(id, what)
}

/** A share shows what is kept elsewhere, and a claim without a volume holds nothing; with any other its files may go. */
export function anew(seen: SeenClaim, claim: PersistentVolumeClaim, change: ClaimChange): readonly string[] {
  const isShare = shareFrom in (claim.metadata.annotations ?? {})
  return isShare || !isBound(seen) ? recreateClaim(claim, change) : []
}
