import { execFile } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { access, mkdir, readFile, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { waitFor } from './wait-for.ts'

/** Absolute paths. */
export interface ControlPlaneBinaries {
  readonly etcd: string
  readonly kubeApiserver: string
  readonly kubeControllerManager: string
}

interface Build {
  readonly binary: string
  readonly module: 'etcd' | 'k8s'
  readonly goPackage: string
  readonly version: string
  readonly linkerFlags: string
  readonly duration: string
}

const TOOLS = fileURLToPath(new URL('../cluster/tools/', import.meta.url))
const BINARIES = ['etcd', 'kube-apiserver', 'kube-controller-manager']
const HOW_TO_GO_ON =
  'set KUBEBUILDER_ASSETS to a directory that holds etcd, kube-apiserver and kube-controller-manager'
// GOTOOLCHAIN: the build must not download another Go. GOWORK: a go.work above this repository must not take part.
const GO_ENVIRONMENT = { GOTOOLCHAIN: 'local', CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' }
// Three cold builds take about 7 minutes on two idle cores; a busy machine needs a multiple.
const BUILD_TIMEOUT_SECONDS = 45 * 60

/** Takes the binaries from KUBEBUILDER_ASSETS when it is set, and else builds the pinned versions from source, once. */
export async function controlPlaneBinaries(): Promise<ControlPlaneBinaries> {
  const assets = process.env.KUBEBUILDER_ASSETS
  return pathsIn(assets ? await completeAssets(resolve(assets)) : await builtBinaries())
}

function pathsIn(directory: string): ControlPlaneBinaries {
  return {
    etcd: join(directory, 'etcd'),
    kubeApiserver: join(directory, 'kube-apiserver'),
    kubeControllerManager: join(directory, 'kube-controller-manager'),
  }
}

async function completeAssets(directory: string): Promise<string> {
  const missing = await missingBinaries(directory)
  if (missing.length === 0) return directory
  throw new Error(`KUBEBUILDER_ASSETS is ${directory}, where no executable is found for ${missing.join(', ')}`)
}

async function missingBinaries(directory: string): Promise<string[]> {
  const found = await Promise.all(BINARIES.map((binary) => isExecutable(join(directory, binary))))
  return BINARIES.filter((_, index) => found[index] === false)
}

async function builtBinaries(): Promise<string> {
  const directory = await cacheDirectory()
  if ((await missingBinaries(directory)).length === 0) return directory
  await mkdir(directory, { recursive: true })
  await withLock(directory, async () => {
    await removePartialBuilds(directory)
    for (const build of await builds()) await buildUnlessThere(directory, build)
  })
  return directory
}

async function cacheDirectory(): Promise<string> {
  const key = createHash('sha256').update(await goTarget())
  for (const module of ['etcd', 'k8s']) {
    for (const file of ['go.mod', 'go.sum', 'tools.go']) key.update(await readFile(join(TOOLS, module, file)))
  }
  const configured = process.env.XDG_CACHE_HOME
  const cache = configured ? resolve(configured) : join(homedir(), '.cache')
  return join(cache, 'model-injector', 'control-plane', key.digest('hex').slice(0, 16))
}

async function goTarget(): Promise<string> {
  return await go(['env', 'GOVERSION', 'GOOS', 'GOARCH'], TOOLS)
}

async function builds(): Promise<readonly Build[]> {
  const kubernetes = await pinnedVersion('k8s', 'k8s.io/kubernetes')
  const etcd = await pinnedVersion('etcd', 'go.etcd.io/etcd/server/v3')
  const component = (binary: string, duration: string): Build => ({
    binary, duration, module: 'k8s', version: kubernetes,
    goPackage: `k8s.io/kubernetes/cmd/${binary}`, linkerFlags: `-s -w ${kubernetesVersionFlags(kubernetes)}`,
  })
  return [
    component('kube-apiserver', 'about 5 minutes'),
    component('kube-controller-manager', 'about 1.5 minutes'),
    {
      binary: 'etcd', duration: 'about 1 minute', module: 'etcd', version: etcd,
      goPackage: 'go.etcd.io/etcd/server/v3', linkerFlags: '-s -w',
    },
  ]
}

async function pinnedVersion(module: string, dependency: string): Promise<string> {
  const lines = (await readFile(join(TOOLS, module, 'go.mod'), 'utf8')).split('\n')
  const prefix = `require ${dependency} `
  const requirement = lines.find((line) => line.startsWith(prefix))
  if (requirement === undefined) throw new Error(`${module}/go.mod requires no ${dependency}`)
  return requirement.slice(prefix.length)
}

/** What a release build sets; without it GET /version tells v0.0.0 and clients take the server for an old one. */
function kubernetesVersionFlags(version: string): string {
  const [major, minor] = version.replace('v', '').split('.')
  return Object.entries({
    gitVersion: version,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: 'clean',
    gitCommit: '0'.repeat(40),
    buildDate: '1970-01-01T00:00:00Z',
  }).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`).join(' ')
}

async function buildUnlessThere(directory: string, build: Build): Promise<void> {
  const target = join(directory, build.binary)
  if (await isExecutable(target)) return
  report(`building ${build.binary} ${build.version} from source, ${build.duration} on two cores, once`)
  // Renamed when complete, so that a killed build never leaves half a binary under the final name.
  const partial = `${target}.${process.pid}.partial`
  await go([
    'build', '-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags', build.linkerFlags,
    '-o', partial, build.goPackage,
  ], join(TOOLS, build.module))
  await rename(partial, target)
}

async function removePartialBuilds(directory: string): Promise<void> {
  const partials = (await readdir(directory)).filter((name) => name.endsWith('.partial'))
  await Promise.all(partials.map((name) => rm(join(directory, name), { force: true })))
}

async function go(args: readonly string[], directory: string): Promise<string> {
  const env = { ...process.env, ...GO_ENVIRONMENT }
  try {
    return (await promisify(execFile)('go', args, { cwd: directory, env, maxBuffer: 64 * 1024 * 1024 })).stdout
  } catch (error) {
    if (!isErrorWithCode(error, 'ENOENT')) throw error
    throw new Error(`go is not installed: install Go 1.26 or newer, or ${HOW_TO_GO_ON}`, { cause: error })
  }
}

/**
 * The lock is a directory with one file named after its owner. It appears by a rename, owner file included, so nobody
 * ever sees it without one; a rename onto it succeeds only when it is empty. Who finds a dead owner removes that one
 * file by its unique name: two that find it at once cannot remove each other's new lock.
 */
async function withLock(directory: string, action: () => Promise<void>): Promise<void> {
  const lock = join(directory, 'lock')
  const owner = `${process.pid}-${randomUUID()}`
  await waitForLock(lock, owner)
  try {
    await action()
  } finally {
    await rm(join(lock, owner), { force: true })
    // Not empty means that the next one has it already.
    await rmdir(lock).catch(() => undefined)
  }
}

async function waitForLock(lock: string, owner: string): Promise<void> {
  if (await tryLock(lock, owner)) return
  const pid = await ownerPid(lock)
  report(`waiting for process ${pid ?? '(just ended)'} to build the control plane`)
  await waitFor(
    `the lock ${lock} (remove it when no build is running)`,
    async () => await tryLock(lock, owner) || undefined,
    { timeoutSeconds: BUILD_TIMEOUT_SECONDS },
  )
}

async function tryLock(lock: string, owner: string): Promise<boolean> {
  await removeDeadOwner(lock)
  if ((await ownersOf(lock)).length > 0) return false
  const candidate = `${lock}.${owner}`
  await mkdir(candidate)
  await writeFile(join(candidate, owner), '')
  try {
    await rename(candidate, lock)
    return true
  } catch (error) {
    await rm(candidate, { recursive: true })
    if (isErrorWithCode(error, 'ENOTEMPTY') || isErrorWithCode(error, 'EEXIST')) return false
    throw error
  }
}

async function removeDeadOwner(lock: string): Promise<void> {
  for (const owner of await ownersOf(lock)) {
    if (!isAlive(pidOf(owner))) await rm(join(lock, owner), { force: true })
  }
}

async function ownerPid(lock: string): Promise<number | undefined> {
  return (await ownersOf(lock)).map(pidOf)[0]
}

async function ownersOf(lock: string): Promise<string[]> {
  try {
    return await readdir(lock)
  } catch (error) {
    if (isErrorWithCode(error, 'ENOENT')) return []
    throw error
  }
}

function pidOf(owner: string): number {
  return Number.parseInt(owner, 10)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return isErrorWithCode(error, 'EPERM')
  }
}

async function isExecutable(file: string): Promise<boolean> {
  return await access(file, constants.X_OK).then(() => true, () => false)
}

function isErrorWithCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

function report(line: string): void {
  process.stderr.write(`${line}\n`)
}
