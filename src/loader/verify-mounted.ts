/** Checks a model that somebody else put on a volume: that it is there, and what `expect` says. Writes nothing. */
import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { checksumOfFile } from './checksum.ts'
import type { VerifyTask } from './environment.ts'
import { LoaderFailure } from './exit-codes.ts'
import { parseManifest, refuseOtherFiles } from './manifest.ts'
import { hasCode } from './volume/file-failure.ts'
import { measure } from './volume/published.ts'

/** Throws a LoaderFailure where the model is not as it has to be. */
export async function verifyMounted(task: VerifyTask): Promise<{ files: number; bytes: number }> {
  const directory = directoryOf(task)
  const found = await measure(directory).catch((error: unknown) => { throw readFailureOf(error, task) })
  if (found.files === 0) throw new LoaderFailure('Nothing', `${task.source.uri} is empty`)
  refuseUnexpected(found, task)
  await verifyManifest(directory, task)
  return found
}

/** The kubelet makes a missing subPath of a claim, so the volume is mounted whole and the path looked up below it. */
function directoryOf({ source, root }: VerifyTask): string {
  return source.scheme === 'node' || source.path === undefined ? root : join(root, source.path)
}

function refuseUnexpected(found: { files: number; bytes: number }, { source, expect }: VerifyTask): void {
  const problems = [
    expect?.objects === undefined || expect.objects === found.files ? [] : `${expect.objects} files were expected, ${found.files} are there`,
    expect?.bytes === undefined || expect.bytes === found.bytes ? [] : `${expect.bytes} bytes were expected, ${found.bytes} are there`,
  ].flat()
  if (problems.length > 0) throw new LoaderFailure('VerificationFailed', `${source.uri}: ${problems.join(', ')}`)
}

async function verifyManifest(directory: string, task: VerifyTask): Promise<void> {
  const wanted = task.expect?.manifest
  if (wanted === undefined) return
  const text = await readFile(join(directory, wanted.key)).catch((error: unknown) => {
    if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw readFailureOf(error, task)
    throw new LoaderFailure('VerificationFailed', `the manifest ${wanted.key} is not there`, { cause: error })
  })
  const found = createHash('sha256').update(text).digest('hex')
  if (found !== wanted.sha256) throw new LoaderFailure('VerificationFailed', `the manifest ${wanted.key} has the SHA-256 ${found}, not ${wanted.sha256}`)
  const manifest = parseManifest(text.toString(), wanted.key)
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => !entry.isDirectory()).map((entry) => relative(directory, join(entry.parentPath, entry.name)))
  refuseOtherFiles(manifest, paths.filter((path) => path !== wanted.key))
  for (const [path, sha256] of manifest) await verifyFile(directory, path, sha256, task)
}

async function verifyFile(directory: string, path: string, sha256: string, task: VerifyTask): Promise<void> {
  const found = await checksumOfFile(join(directory, path), 'SHA256', new AbortController().signal).catch((error: unknown) => { throw readFailureOf(error, task) })
  if (found !== sha256) throw new LoaderFailure('VerificationFailed', `${path} does not have the SHA-256 of the manifest`)
}

function readFailureOf(error: unknown, { source }: VerifyTask): unknown {
  if (hasCode(error, 'ENOENT', 'ENOTDIR')) return new LoaderFailure('Nothing', `${source.uri} is not there`, { cause: error })
  if (hasCode(error, 'EACCES', 'EPERM')) return new LoaderFailure('Denied', `${source.uri} cannot be read`, { cause: error, remedy: 'check run-as-user and the permissions' })
  return error
}
