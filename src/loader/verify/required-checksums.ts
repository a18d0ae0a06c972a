/** The operator's requirement that S3 or a manifest has a checksum of each whole object. */
import type { LoadTask } from '../environment.ts'
import { LoaderFailure } from '../exit-codes.ts'
import { counted } from '../format-size.ts'

/** `count`: of the objects without such a checksum. */
export function describeUnproven(count: number, all: number): string {
  return `S3 keeps no checksum of the whole for ${count} of ${counted(all, 'object')}`
}

/** Throws a LoaderFailure where the operator requires checksums, and some objects have none. */
export function refuseUnproven(count: number, all: number, { source, requireChecksums }: LoadTask): void {
  if (count === 0 || !requireChecksums) return
  const line = `${source.uri}: ${describeUnproven(count, all)}, and the operator requires checksums`
  throw new LoaderFailure('VerificationFailed', line, {
    remedy: 'upload it with a checksum of the whole object, as CRC64NVME, or name a manifest in expect',
  })
}
