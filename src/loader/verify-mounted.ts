/**
 * `load --verify`: checks a model that somebody else put on a volume, and writes nothing. It is told by its environment only:
 *
 *     MODEL_SOURCE           pvc://CLAIM[/PATH] or node:///PATH: what is checked, by the name that its user gave it
 *     MODEL_ROOT             where the volume is mounted in this container, read-only. A claim is mounted whole, not by subPath: the
 *                            kubelet makes a missing subPath, and PATH is looked up below the root. The directory of a node is
 *                            mounted itself.
 *     MODEL_EXPECT           as for a download; without it, one file has to be there
 *     MODEL_TIMEOUT_SECONDS  optional: for a file system that does not answer
 *
 * Files are counted where they lie. Links are followed as long as they stay within what the app has mounted (a `current`
 * beside its versions, a cache whose files are links); one that leads out of it would be broken in the app, and ends the loader.
 */
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { checksumOfFile } from './checksum.ts'
import type { VerifyTask } from './environment.ts'
import { LoaderFailure } from './exit-codes.ts'
import { counted, formatSize } from './format-size.ts'
import { parseManifest, refuseOtherFiles, type Manifest } from './manifest.ts'
import type { Report } from './report.ts'
import { hasCode } from './volume/file-failure.ts'
import { takeInventory, type Inventory } from './volume/inventory.ts'
import { placeWithin } from './volume/within.ts'

export interface VerifyDependencies {
  readonly report: Report
  /** Its reason is what the check ends with. */
  readonly signal: AbortSignal
}

const progressEveryMs = 5000

/** Throws a LoaderFailure where the model is not as it has to be. */
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

/** As the kubelet finds a subPath: by links that stay on the volume. */
async function directoryOf({ source, root }: VerifyTask): Promise<string> {
  if (source.scheme === 'node' || source.path === undefined) return root
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
  const wanted = [
    expect?.objects === undefined ? [] : counted(expect.objects, 'file'),
    expect?.bytes === undefined ? [] : counted(expect.bytes, 'byte'),
    expect?.manifest === undefined ? [] : `the files of ${expect.manifest.key}`,
  ].flat()
  return `expected: ${wanted.length === 0 ? 'at least one file' : wanted.join(', ')}`
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
  const wanted = task.expect?.manifest
  if (wanted === undefined) return
  const manifest = await readManifest(directory, wanted, task)
  refuseOtherFiles(manifest, presentPaths(found, manifest, wanted.key))
  report.info(`reading ${task.source.uri}: ${counted(manifest.size, 'file')}, ${formatSize(found.bytes)}`)
  const meter = startMeter(found.bytes, report)
  for (const [path, sha256] of manifest) {
    const file = join(directory, path)
    const actual = await checksumOfFile(file, 'SHA256', signal)
    if (actual !== sha256) {
      throw new LoaderFailure(
        'VerificationFailed',
        `${task.source.uri}: ${path} does not have the SHA-256 of the manifest`,
      )
    }
    meter((await stat(file)).size)
  }
}

/** A line for every few seconds, after the file that was read in them. */
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

/** A manifest may name a file, or links to it: then the file is meant too. */
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
