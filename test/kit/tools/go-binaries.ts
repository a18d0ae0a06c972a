/** Programs that the tests run and that are built from pinned sources, once on each machine. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { access, mkdir, readFile, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { goBuild, goEnvironment } from '../../../deploy/image/go.ts'
import { s5cmdLinkerFlags, s5cmdModule, s5cmdPackage } from '../../../deploy/image/s5cmd.ts'
import { withLock } from './directory-lock.ts'

export interface GoBinary {
  readonly name: string
  /** The directory, with a slash at its end, of the go.mod and go.sum that pin it. */
  readonly module: URL
  /** The requirement in go.mod that says its version. */
  readonly dependency: string
  readonly goPackage: string
  readonly linkerFlags: (version: string) => string
  readonly duration: string
  /** Build tags. */
  readonly tags?: string
}

/** Binaries that stand in one directory, which their pins name. */
export interface GoBinarySet {
  readonly name: string
  readonly binaries: readonly GoBinary[]
  /** The remedy without Go: "set ... to a directory that holds ...". */
  readonly howToGoOn: string
}

const TEST_BINARIES = 'MODEL_INJECTOR_TEST_BINARIES'
// The control plane takes about 7 minutes on two idle cores; a busy machine needs a multiple.
const BUILD_TIMEOUT_SECONDS = 45 * 60

const s5cmd: GoBinary = {
  name: 's5cmd',
  module: s5cmdModule,
  dependency: s5cmdPackage,
  goPackage: s5cmdPackage,
  linkerFlags: s5cmdLinkerFlags,
  duration: 'about 1 minute',
}

const versitygw: GoBinary = {
  name: 'versitygw',
  module: new URL('../../loader/tools/versitygw/', import.meta.url),
  dependency: 'github.com/versity/versitygw',
  goPackage: 'github.com/versity/versitygw/cmd/versitygw',
  linkerFlags: () => '',
  duration: 'about 3 minutes',
}

/** The release that the product's image has for the engine `s5cmd`. */
export async function s5cmdBinary(): Promise<string> {
  return await testBinary(s5cmd)
}

/** A real S3 server. */
export async function versitygwBinary(): Promise<string> {
  return await testBinary(versitygw)
}

/** Taken from MODEL_INJECTOR_TEST_BINARIES when it is set. */
async function testBinary(binary: GoBinary): Promise<string> {
  const configured = process.env[TEST_BINARIES]
  const howToGoOn = `set ${TEST_BINARIES} to a directory that holds ${s5cmd.name} and ${versitygw.name}`
  const set = { name: binary.name, binaries: [binary], howToGoOn }
  const directory = configured
    ? await completeDirectory(TEST_BINARIES, resolve(configured), [binary.name])
    : await builtBinaries(set)
  return join(directory, binary.name)
}

/** The directory, if every binary is in it; `variable` is named where one is not. */
export async function completeDirectory(
  variable: string,
  directory: string,
  names: readonly string[],
): Promise<string> {
  const missing = await missingBinaries(directory, names)
  if (missing.length === 0) return directory
  throw new Error(`${variable} is ${directory}, where no executable is found for ${missing.join(', ')}`)
}

/** Builds what is not there yet and returns the directory. */
export async function builtBinaries(set: GoBinarySet): Promise<string> {
  const directory = await cacheDirectory(set)
  if (
    (
      await missingBinaries(
        directory,
        set.binaries.map(({ name }) => name),
      )
    ).length === 0
  ) {
    return directory
  }
  await mkdir(directory, { recursive: true })
  const onWait = (pid: number | undefined): void => {
    report(`waiting for process ${pid ?? '(just ended)'} to build ${set.name}`)
  }
  await withLock(directory, { timeoutSeconds: BUILD_TIMEOUT_SECONDS, onWait }, async () => {
    await removePartialBuilds(directory)
    for (const binary of set.binaries) await buildUnlessThere(directory, binary, set)
  })
  return directory
}

async function missingBinaries(directory: string, names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(names.map((name) => isExecutable(join(directory, name))))
  return names.filter((_, index) => found[index] === false)
}

async function cacheDirectory(set: GoBinarySet): Promise<string> {
  const modules = [...new Set(set.binaries.map(({ module }) => fileURLToPath(module)))].sort()
  const key = createHash('sha256').update(await go(['env', 'GOVERSION', 'GOOS', 'GOARCH'], modules[0] ?? '.', set))
  for (const module of modules) {
    const sources = (await readdir(module)).filter((file) => file.endsWith('.go')).sort()
    for (const file of ['go.mod', 'go.sum', ...sources]) key.update(await readFile(join(module, file)))
  }
  const configured = process.env.XDG_CACHE_HOME
  const cache = configured ? resolve(configured) : join(homedir(), '.cache')
  return join(cache, 'model-injector', set.name, key.digest('hex').slice(0, 16))
}

async function buildUnlessThere(directory: string, binary: GoBinary, set: GoBinarySet): Promise<void> {
  const target = join(directory, binary.name)
  if (await isExecutable(target)) return
  const version = await pinnedVersion(binary)
  report(`building ${binary.name} ${version} from source, ${binary.duration} on two cores, once`)
  // Renamed when complete, so that a killed build never leaves half a binary under the final name.
  const partial = `${target}.${process.pid}.partial`
  const startedAt = performance.now()
  await go(
    [
      ...goBuild,
      '-tags',
      binary.tags ?? '',
      '-ldflags',
      `-s -w ${binary.linkerFlags(version)}`.trim(),
      '-o',
      partial,
      binary.goPackage,
    ],
    fileURLToPath(binary.module),
    set,
  )
  await rename(partial, target)
  report(`built ${binary.name} in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
}

/** As `v1.2.3`. */
export async function pinnedVersion({ module, dependency }: GoBinary): Promise<string> {
  const lines = (await readFile(new URL('go.mod', module), 'utf8')).split('\n')
  const prefix = `require ${dependency} `
  const requirement = lines.find((line) => line.startsWith(prefix))
  if (requirement === undefined) throw new Error(`${fileURLToPath(module)}go.mod requires no ${dependency}`)
  return requirement.slice(prefix.length)
}

async function removePartialBuilds(directory: string): Promise<void> {
  const partials = (await readdir(directory)).filter((name) => name.endsWith('.partial'))
  await Promise.all(partials.map((name) => rm(join(directory, name), { force: true })))
}

async function go(args: readonly string[], directory: string, { howToGoOn }: GoBinarySet): Promise<string> {
  const env = { ...process.env, ...goEnvironment }
  try {
    return (await promisify(execFile)('go', args, { cwd: directory, env, maxBuffer: 64 * 1024 * 1024 })).stdout
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    throw new Error(`go is not installed: install Go 1.26 or newer, or ${howToGoOn}`, { cause: error })
  }
}

async function isExecutable(file: string): Promise<boolean> {
  return await access(file, constants.X_OK).then(
    () => true,
    () => false,
  )
}

function report(line: string): void {
  process.stderr.write(`${line}\n`)
}
