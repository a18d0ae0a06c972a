/**
 * Digests of the parts that are ours, which the status keeps. They show which parts were changed afterwards. An attacker who
 * can write the status can write digests, too: they are evidence, not proof.
 */
import { shortHash } from '../../values/short-hash.ts'
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
  const text = textWithoutDigests(status)
  const digests: Digests = { ...partDigests(pod, status), status: shortHash(text) }
  const sealed = `${text.slice(0, -1)},"digests":${JSON.stringify(digests)}}`
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      annotations: { ...pod.metadata?.annotations, [prefix + statusAnnotation]: sealed },
    },
  }
}

/** The current digests of a pod's parts, for a status that it has or could have. */
export function digestsOf(pod: Pod, status: Status): Digests {
  return { ...partDigests(pod, status), status: shortHash(textWithoutDigests(status)) }
}

function partDigests(pod: Pod, status: Status): Digests {
  return Object.fromEntries(Object.entries(ownedFields(pod, status)).map(([part, fields]) => [part, digestOf(fields)]))
}

/** The input of the status's own digest: a text cannot hold it. */
function textWithoutDigests(status: Status): string {
  return JSON.stringify({ ...status, digests: undefined })
}

/** The digest of one part; a part that is gone has the digest of no fields. */
export function digestOf(fields: PartFields): string {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined)
  return shortHash(JSON.stringify(present.sort(([a], [b]) => (a < b ? -1 : 1))))
}
