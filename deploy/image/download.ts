/**
 * Fetches what runtime.lock.json names, into the cache. A file counts only by its checksum, so that it does not matter where it
 * comes from: npm has the registry of the machine, and Debian's mirrors are those of DEBIAN_MIRROR, or of the machine's apt.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { readRuntimeLock, root, type Architecture } from './runtime-lock.ts'

interface Checksum {
  readonly algorithm: 'sha256' | 'sha512'
  readonly encoding: 'hex' | 'base64'
  readonly digest: string
}

export interface DebianArchive {
  readonly name: string
  readonly file: string
}

/** Writes one file with any name into the directory. */
type Fetch = (directory: string) => Promise<void>

const run = promisify(execFile)
// Keeps proxies, authentication and mirrors as the machine's apt has them.
const aptHelper = '/usr/lib/apt/apt-helper'

/** The npm package with Node's binary. */
export async function nodeArchive(architecture: Architecture): Promise<string> {
  const { version, packages } = readRuntimeLock().node
  const { name, integrity } = packages[architecture]
  const [algorithm, digest = ''] = integrity.split(/-(.*)/s)
  if (algorithm !== 'sha512') throw new Error(`the integrity of ${name} is ${integrity}: sha512 is accepted`)
  return await cached(`${name}-${version}.tgz`, { algorithm, encoding: 'base64', digest }, async (directory) => {
    await run('npm', ['pack', '--silent', '--pack-destination', directory, `${name}@${version}`], { cwd: root })
  })
}

export async function debianArchives(architecture: Architecture): Promise<readonly DebianArchive[]> {
  const archives: DebianArchive[] = []
  for (const [name, { files }] of Object.entries(readRuntimeLock().debian.packages)) {
    const { path, sha256: digest } = files[architecture]
    const fetch: Fetch = (directory) => fetchFromMirrors(path, directory)
    archives.push({ name, file: await cached(basename(path), { algorithm: 'sha256', encoding: 'hex', digest }, fetch) })
  }
  return archives
}

async function cached(name: string, checksum: Checksum, fetch: Fetch): Promise<string> {
  const configured = process.env.XDG_CACHE_HOME
  const cache = join(configured ? resolve(configured) : join(homedir(), '.cache'), 'model-injector', 'runtime')
  const file = join(cache, name)
  if (existsSync(file) && (await matches(file, checksum))) return file
  await mkdir(cache, { recursive: true })
  const directory = await mkdtemp(`${file}-`)
  try {
    await fetch(directory)
    const [fetched = ''] = await readdir(directory)
    if (!(await matches(join(directory, fetched), checksum))) {
      throw new Error(`${name} has another ${checksum.algorithm} than in runtime.lock.json, ${checksum.digest}`)
    }
    await rename(join(directory, fetched), file)
    return file
  } finally {
    await rm(directory, { recursive: true })
  }
}

async function matches(file: string, { algorithm, encoding, digest }: Checksum): Promise<boolean> {
  return (
    createHash(algorithm)
      .update(await readFile(file))
      .digest(encoding) === digest
  )
}

async function fetchFromMirrors(path: string, directory: string): Promise<void> {
  const mirrors = await debianMirrors()
  const failures: string[] = []
  for (const mirror of mirrors) {
    try {
      await run(aptHelper, ['download-file', `${mirror.replace(/\/$/, '')}/${path}`, join(directory, basename(path))])
      return
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error))
    }
  }
  throw new Error(
    [
      `${path} is on no Debian mirror that is known here (${mirrors.join(', ') || 'none'}).`,
      'Mirrors drop old versions: take the newest by make lock-runtime, or set DEBIAN_MIRROR to one that keeps them.',
      ...failures,
    ].join('\n'),
  )
}

async function debianMirrors(): Promise<readonly string[]> {
  if (process.env.DEBIAN_MIRROR) return [process.env.DEBIAN_MIRROR]
  const format = ['--format', '$(REPO_URI)', 'Created-By: Packages', 'Origin: Debian']
  const { stdout } = await run('apt-get', ['indextargets', ...format])
  return [...new Set(stdout.split('\n').filter((line) => line !== ''))]
}
