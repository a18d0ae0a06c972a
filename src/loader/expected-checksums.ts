/** What S3 and the manifest say of the content of a file, where comparing it takes reading the file. */
import { join } from 'node:path'
import { crcOf, type WantedChecksum } from './checksum.ts'
import type { DownloadContext } from './download-context.ts'
import { LoaderFailure } from './exit-codes.ts'
import type { ModelObject } from './listing.ts'
import type { Claim, Follower, ReadBack } from './read-back.ts'

/** undefined: nothing of it has to be read. */
export function follow(
  object: ModelObject,
  wanted: WantedChecksum | undefined,
  readBack: ReadBack,
  context: DownloadContext,
): Follower | undefined {
  const claims = claimsOf(object, wanted, context)
  return claims.length === 0
    ? undefined
    : readBack.follow({ file: join(context.staging.layout.stagingFiles, object.path), size: object.size, claims })
}

export function needsReading(
  object: ModelObject,
  wanted: WantedChecksum | undefined,
  context: DownloadContext,
): boolean {
  return claimsOf(object, wanted, context).length > 0
}

function claimsOf(
  { path }: ModelObject,
  wanted: WantedChecksum | undefined,
  { manifest }: DownloadContext,
): readonly Claim[] {
  const claims: Claim[] = []
  if (wanted !== undefined && crcOf(wanted.algorithm) === undefined) {
    claims.push({ ...wanted, refuse: (found) => otherThanS3Says(path, wanted, found) })
  }
  const sha256 = manifest?.get(path)
  if (sha256 !== undefined) {
    claims.push({ algorithm: 'SHA256', value: sha256, refuse: (found) => otherThanManifestSays(path, sha256, found) })
  }
  return claims
}

export function otherThanS3Says(path: string, { algorithm, value }: WantedChecksum, found: string): LoaderFailure {
  return new LoaderFailure('VerificationFailed', `${path} has the ${algorithm} ${found}, S3 says ${value}`)
}

function otherThanManifestSays(path: string, wanted: string, found: string): LoaderFailure {
  return new LoaderFailure(
    'VerificationFailed',
    `${path} has the SHA-256 ${hex(found)}, the manifest says ${hex(wanted)}`,
  )
}

function hex(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex')
}
