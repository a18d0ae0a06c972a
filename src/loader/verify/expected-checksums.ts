/** Expected checksums that can only be verified by reading the file back. */
import { join } from 'node:path'
import { crcOf, type ExpectedChecksum } from './checksum.ts'
import type { DownloadContext } from '../download-context.ts'
import { LoaderFailure } from '../exit-codes.ts'
import type { ModelObject } from '../listing.ts'
import type { CheckedChecksum, FileReader, ReadBack } from './read-back.ts'

/** Undefined where no checksum takes reading the file. */
export function startReader(
  object: ModelObject,
  expected: ExpectedChecksum | undefined,
  readBack: ReadBack,
  context: DownloadContext,
): FileReader | undefined {
  const checks = checksOf(object, expected, context)
  return checks.length === 0
    ? undefined
    : readBack.readerFor({
        file: join(context.staging.layout.stagingFiles, object.path),
        size: object.size,
        expected: checks,
      })
}

export function needsReading(
  object: ModelObject,
  expected: ExpectedChecksum | undefined,
  context: DownloadContext,
): boolean {
  return checksOf(object, expected, context).length > 0
}

/** The checksums of a file that cannot be combined from those of its parts. */
export function checksOf(
  { path }: ModelObject,
  expected: ExpectedChecksum | undefined,
  { manifest }: DownloadContext,
): readonly CheckedChecksum[] {
  const checks: CheckedChecksum[] = []
  if (expected !== undefined && crcOf(expected.algorithm) === undefined) {
    checks.push({ ...expected, refuse: (found) => otherThanS3Says(path, expected, found) })
  }
  const sha256 = manifest?.get(path)
  if (sha256 !== undefined) {
    checks.push({ algorithm: 'SHA256', value: sha256, refuse: (found) => otherThanManifestSays(path, sha256, found) })
  }
  return checks
}

export function otherThanS3Says(path: string, { algorithm, value }: ExpectedChecksum, found: string): LoaderFailure {
  return new LoaderFailure('VerificationFailed', `${path} has the ${algorithm} ${found}, S3 says ${value}`)
}

function otherThanManifestSays(path: string, expected: string, found: string): LoaderFailure {
  return new LoaderFailure(
    'VerificationFailed',
    `${path} has the SHA-256 ${hex(found)}, the manifest says ${hex(expected)}`,
  )
}

function hex(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex')
}
