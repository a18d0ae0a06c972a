/** Parses a manifest in the format of sha256sum: the files of a model and their checksums. */
import { createHash } from 'node:crypto'
import type { S3 } from '../../s3/s3.ts'
import { S3Error } from '../../s3/s3-error.ts'
import type { LoadTask } from '../environment.ts'
import { LoaderFailure } from '../exit-codes.ts'
import { failureOf } from '../s3-failure.ts'
import type { ModelObject } from '../listing.ts'

/** SHA-256 by path, base64 as S3 writes it. */
export type Manifest = ReadonlyMap<string, string>

export const longestManifestBytes = 64 * 2 ** 20
const shownPaths = 3

/** Reads the manifest that the task expects, and refuses a listing with other files. */
export async function readManifest(
  task: LoadTask,
  objects: readonly ModelObject[],
  s3: S3,
): Promise<Manifest | undefined> {
  const expected = task.expect?.manifest
  if (expected === undefined) return undefined
  const { source } = task
  const key =
    source.extent === 'prefix'
      ? source.key + expected.key
      : source.key.slice(0, source.key.lastIndexOf('/') + 1) + expected.key
  const text = await readSmall(task, key, s3)
  const found = createHash('sha256').update(text).digest('hex')
  if (found !== expected.sha256) {
    throw new LoaderFailure(
      'VerificationFailed',
      `the manifest ${key} has the SHA-256 ${found}, not ${expected.sha256}`,
    )
  }
  const manifest = parseManifest(text.toString(), key)
  refuseOtherFiles(
    manifest,
    objects.map(({ path }) => path).filter((path) => path !== expected.key),
  )
  return manifest
}

async function readSmall({ source }: LoadTask, key: string, s3: S3): Promise<Buffer> {
  try {
    const { etag } = await s3.head(source.bucket, key)
    return await s3.read(source.bucket, key, etag, longestManifestBytes)
  } catch (error) {
    if (error instanceof RangeError) throw new LoaderFailure('VerificationFailed', error.message, { cause: error })
    if (error instanceof S3Error && error.problem.status === 404) {
      throw new LoaderFailure('VerificationFailed', `the manifest ${key} is not there`, { cause: error })
    }
    throw failureOf(error, source)
  }
}

/** Parses lines `HEX  path`, or `HEX *path` as sha256sum writes them in binary mode. */
export function parseManifest(text: string, key: string): Manifest {
  const manifest = new Map<string, string>()
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    const match = /^([0-9a-f]{64}) [ *](?:\.\/)?(.+?)\r?$/.exec(line)
    if (match === null) {
      throw new LoaderFailure(
        'VerificationFailed',
        `the manifest ${key} has a line that is not of sha256sum: ${line.slice(0, 80)}`,
      )
    }
    const [, sha256 = '', path = ''] = match
    manifest.set(path, Buffer.from(sha256, 'hex').toString('base64'))
  }
  return manifest
}

export function refuseOtherFiles(manifest: Manifest, paths: readonly string[]): void {
  const present = new Set(paths)
  const missing = [...manifest.keys()].filter((path) => !present.has(path))
  const extra = paths.filter((path) => !manifest.has(path))
  const problems = [
    missing.length === 0
      ? []
      : `${missing.length} files of the manifest are missing: ${missing.slice(0, shownPaths).join(', ')}`,
    extra.length === 0 ? [] : `${extra.length} files are not in the manifest: ${extra.slice(0, shownPaths).join(', ')}`,
  ].flat()
  if (problems.length > 0) throw new LoaderFailure('VerificationFailed', problems.join('; '))
}
