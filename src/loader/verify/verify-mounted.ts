/**
 * `load --verify`: checks a model that others put on a volume, and writes nothing. Its only input is the environment:
 *
 *     MODEL_SOURCE           pvc://CLAIM[/PATH] or node:///PATH: the source as the user wrote it
 *     MODEL_ROOT             where the volume is mounted in this container, read-only. A claim is mounted whole, not by subPath: the
 *                            kubelet makes a missing subPath, and PATH is looked up below the root. The directory of a node is
 *                            mounted itself.
 *     MODEL_EXPECT           as for a download; without it, at least one file must exist
 *     MODEL_TIMEOUT_SECONDS  optional: limit for a file system that does not answer
 *
 * Links are followed as long as they stay within the app's mount (a `current` next to its versions, a cache whose files are
 * links), and their targets are counted once. A link that leaves the mount would be broken in the app, and ends the loader.
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open, readFile, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { checksumOfFile } from './checksum.ts'
import type { VerifyTask } from '../environment.ts'
import { LoaderFailure } from '../exit-codes.ts'
import { counted, formatSize } from '../format-size.ts'
import { parseManifest, refuseOtherFiles, type Manifest } from './manifest.ts'
import type { Report } from '../report.ts'
import { hasCode } from '../volume/file-failure.ts'
import { takeInventory, type Inventory } from '../volume/inventory.ts'
import { placeWithin } from '../volume/within.ts'

export interface VerifyDependencies {
  readonly report: Report
  /** Its reason becomes the failure of the check. */
  readonly signal: AbortSignal
}

const progressEveryMs = 5000

/** Throws a LoaderFailure where the model is not as expected. */
export async function verifyMounted(
  task: VerifyTask,
  deps: VerifyDependencies,
): Promise<{ files: number; bytes: number }> {
  try {
    const directory = await directoryOf(task)
    const found = await takeInventory(directory, deps.signal)
    refuseUnusable(found, task)
    if (found.files.size === 0) {
      throw new LoaderFailure('Nothing', `${task.source.uri} is empty; ${describeExpected(task)}`)
    }
    refuseUnexpected(found, task)
    await verifyManifest({ directory, found, task }, deps)
    return { files: found.files.size, bytes: found.bytes }
  } catch (error) {
    throw readFailureOf(error, task)
  }
}

/** Resolves the path as the kubelet resolves a subPath: by links that stay on the volume. */
async function directoryOf({ source, root }: VerifyTask): Promise<string> {
  if ((source.scheme !== 'pvc' && source.scheme !== 'oci') || source.path === undefined) return root
  const place = await placeWithin(root, source.path)
  if (place.kind === 'there') return place.path
  if (place.kind === 'missing') throw new LoaderFailure('Nothing', `${source.uri} is not there`)
  throw new LoaderFailure(
    'Nothing',
    `${source.uri}: the link ${place.link.name} leads out of the volume, to ${place.link.target}`,
    {
      remedy: 'make it a relative link to a directory of the volume',
    },
  )
}

function refuseUnusable({ broken, odd }: Inventory, { source }: VerifyTask): void {
  const problems = [
    ...broken.map(
      ({ path, target, why }) =>
        `the link ${path} ${why === 'outside' ? 'leads out of what is mounted' : 'leads nowhere'} (${target})`,
    ),
    ...odd.map((path) => `${path} is neither a file nor a directory`),
  ]
  if (problems.length === 0) return
  throw new LoaderFailure('VerificationFailed', `${source.uri}: ${firstThree(problems)}`, {
    remedy: 'publish the model again with files, or with links within it',
  })
}

function refuseUnexpected({ files, bytes }: Inventory, { source, expect }: VerifyTask): void {
  const problems = [
    expect?.objects === undefined || expect.objects === files.size
      ? []
      : `${counted(expect.objects, 'file')} expected, ${files.size} found`,
    expect?.bytes === undefined || expect.bytes === bytes
      ? []
      : `${counted(expect.bytes, 'byte')} expected, ${bytes} found`,
  ].flat()
  if (problems.length > 0) {
    throw new LoaderFailure('VerificationFailed', `${source.uri}: ${problems.join(', ')}`, {
      remedy: otherThanExpected,
    })
  }
}

const otherThanExpected = 'publish the whole model, or correct expect'

function describeExpected({ expect }: VerifyTask): string {
  const expected = [
    expect?.objects === undefined ? [] : counted(expect.objects, 'file'),
    expect?.bytes === undefined ? [] : counted(expect.bytes, 'byte'),
    expect?.manifest === undefined ? [] : `the files of ${expect.manifest.key}`,
  ].flat()
  return `expected: ${expected.length === 0 ? 'at least one file' : expected.join(', ')}`
}

interface Check {
  readonly directory: string
  readonly found: Inventory
  readonly task: VerifyTask
}

async function verifyManifest(
  { directory, found, task }: Check,
  { report, signal }: VerifyDependencies,
): Promise<void> {
  const expected = task.expect?.manifest
  if (expected === undefined) return
  const manifest = await readManifest(directory, expected, task)
  refuseOtherFiles(manifest, presentPaths(found, manifest, expected.key))
  report.info(`reading ${task.source.uri}: ${counted(manifest.size, 'file')}, ${formatSize(found.bytes)}`)
  const meter = startMeter(found.bytes, report)
  for (const [path, sha256] of manifest) {
    const file = join(directory, path)
    const actual = await checksumOfFile(file, 'SHA256', signal, openMounted)
    if (actual !== sha256) {
      throw new LoaderFailure(
        'VerificationFailed',
        `${task.source.uri}: ${path} does not have the SHA-256 of the manifest`,
      )
    }
    meter((await stat(file)).size)
  }
}

/** Reports progress at most every few seconds, after a file. */
function startMeter(totalBytes: number, report: Report): (readBytes: number) => void {
  const beganAtMs = performance.now()
  let [bytes, toldAtMs] = [0, beganAtMs]
  return (readBytes) => {
    bytes += readBytes
    const nowMs = performance.now()
    if (nowMs - toldAtMs < progressEveryMs) return
    toldAtMs = nowMs
    report.progress({ bytes, totalBytes, bytesPerSecond: Math.round((bytes * 1000) / (nowMs - beganAtMs)) })
  }
}

async function readManifest(
  directory: string,
  { key, sha256 }: { key: string; sha256: string },
  { source }: VerifyTask,
): Promise<Manifest> {
  const place = await placeWithin(directory, key)
  if (place.kind !== 'there') {
    throw new LoaderFailure('VerificationFailed', `${source.uri}: the manifest ${key} is not there`)
  }
  const text = await readFile(place.path)
  const found = createHash('sha256').update(text).digest('hex')
  if (found !== sha256) {
    throw new LoaderFailure(
      'VerificationFailed',
      `${source.uri}: the manifest ${key} has the SHA-256 ${found}, not ${sha256}`,
    )
  }
  return parseManifest(text.toString(), key)
}

/** A manifest may name a file or links to it; a link in the manifest covers its target. */
function presentPaths({ files, links }: Inventory, manifest: Manifest, manifestKey: string): readonly string[] {
  const named = [...links.keys()].filter((link) => manifest.has(link))
  const meant = new Set(named.map((link) => links.get(link)))
  return [
    ...named,
    ...[...files].filter(
      (path) => manifest.has(path) || (!meant.has(path) && path !== manifestKey && path !== links.get(manifestKey)),
    ),
  ]
}

function firstThree(problems: readonly string[]): string {
  const rest = problems.length - 3
  return problems.slice(0, 3).join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}

function readFailureOf(error: unknown, { source }: VerifyTask): unknown {
  if (error instanceof LoaderFailure) return error
  if (hasCode(error, 'ENOENT', 'ENOTDIR')) {
    return new LoaderFailure('Nothing', `${source.uri} is not there`, { cause: error })
  }
  if (hasCode(error, 'EACCES', 'EPERM')) {
    return new LoaderFailure('Denied', `${source.uri} cannot be read: ${pathOf(error)}`, {
      cause: error,
      remedy: 'check run-as-user and the permissions',
    })
  }
  if (hasCode(error, 'EIO', 'ESTALE')) {
    return new LoaderFailure('DownloadFailed', `${source.uri} cannot be read: ${pathOf(error)}`, {
      cause: error,
      remedy: 'look at the volume',
    })
  }
  return error
}

function pathOf(error: unknown): string {
  const { code = '', path = '' } = error as NodeJS.ErrnoException
  return `${code} ${path}`.trim()
}

/** Follows links, which were found to lead to files of the model; never waits for the writer of a pipe. */
async function openMounted(file: string): Promise<FileHandle> {
  return await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
}
