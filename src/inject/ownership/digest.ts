/**
 * Digests of the parts that are ours, which the status keeps. They show which parts were changed afterwards. An attacker who
 * can write the status can write digests, too: they are evidence, not proof.
 */
import { createHash } from 'node:crypto'
import { statusAnnotation } from '../../annotations.ts'
import { ownedFields } from './owned-fields.ts'
import type { PartFields } from './volume-fields.ts'
import type { Pod } from '../../pod/pod.ts'
import type { Status } from '../status.ts'

/**
 * By the path of the part; the status itself is `status`. Their input is fixed: with another input under the
 * same name of the field, every pod that was injected before would look tampered with.
 */
export type Digests = Readonly<Record<string, string>>

/** The pod with the digests of its parts in its status, which is the last thing that is done to it. */
export function sealStatus(pod: Pod, status: Status, prefix: string): Pod {
  const sealed: Status = { ...status, digests: digestsOf(pod, status) }
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      annotations: { ...pod.metadata?.annotations, [prefix + statusAnnotation]: JSON.stringify(sealed) },
    },
  }
}

/** The current digests of a pod's parts, for a status that it has or could have. */
export function digestsOf(pod: Pod, status: Status): Digests {
  const parts = Object.entries(ownedFields(pod, status)).map(([part, fields]) => [part, digestOf(fields)] as const)
  // A text cannot hold its own digest.
  return { ...Object.fromEntries(parts), status: digestOfText(JSON.stringify({ ...status, digests: undefined })) }
}

/** The digest of one part; a part that is gone has the digest of no fields. */
export function digestOf(fields: PartFields): string {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined)
  return digestOfText(JSON.stringify(present.sort(([a], [b]) => (a < b ? -1 : 1))))
}

function digestOfText(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
