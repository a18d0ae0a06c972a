/**
 * Writes runtime.lock.json: Node as package.json has it, and the newest packages of Debian for both architectures. It asks the
 * apt of a Debian machine, with lists of their own, so that nothing of the machine changes.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  architectures,
  lockFile,
  npmArchitecture,
  root,
  type Architecture,
  type DebianFile,
  type DebianPackage,
  type NodePackage,
  type RuntimeLock,
} from './runtime-lock.ts'

const release = 'bookworm'
/** gcc-12-base has the licence of the two before it. */
const packageNames = ['libc6', 'libstdc++6', 'libgcc-s1', 'gcc-12-base']

const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  devDependencies: { node: string }
}
const lock: RuntimeLock = {
  node: { version: devDependencies.node, packages: forEach(nodePackage) },
  debian: { release, packages: debianPackages() },
}
writeFileSync(lockFile, `${JSON.stringify(lock, undefined, 2)}\n`)

function nodePackage(architecture: Architecture): NodePackage {
  const name = `node-linux-${npmArchitecture(architecture)}`
  const arguments_ = ['view', `${name}@${devDependencies.node}`, 'dist.integrity']
  return { name, integrity: execFileSync('npm', arguments_, { encoding: 'utf8' }).trim() }
}

function debianPackages(): Record<string, DebianPackage> {
  const newest = forEach(newestPackages)
  return Object.fromEntries(
    packageNames.map((name) => {
      const versions = new Set(architectures.map((architecture) => newest[architecture][name]?.version))
      const [version] = versions
      if (version === undefined || versions.size > 1) {
        throw new Error(`${name} has no common version: ${[...versions].join(', ')}`)
      }
      return [name, { version, files: forEach((architecture) => fileOf(newest[architecture][name])) }]
    }),
  )
}

type Newest = Readonly<Record<string, DebianFile & { readonly version: string }>>

function newestPackages(architecture: Architecture): Newest {
  const directory = mkdtempSync(join(tmpdir(), 'model-injector-apt-'))
  try {
    for (const path of ['state/lists/partial', 'cache/archives/partial']) {
      mkdirSync(join(directory, path), { recursive: true })
    }
    writeFileSync(join(directory, 'status'), '')
    const options = [
      `Dir::State=${join(directory, 'state')}`,
      `Dir::State::status=${join(directory, 'status')}`,
      `Dir::Cache=${join(directory, 'cache')}`,
      `APT::Architecture=${architecture}`,
      `APT::Architectures::=${architecture}`,
      `APT::Default-Release=${release}`,
    ].flatMap((option) => ['-o', option])
    execFileSync('apt-get', [...options, 'update'], { stdio: ['ignore', 'ignore', 'inherit'] })
    const text = execFileSync('apt-cache', [...options, 'show', '--no-all-versions', ...packageNames], {
      encoding: 'utf8',
    })
    return Object.fromEntries(text.trim().split('\n\n').map(readParagraph))
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function readParagraph(paragraph: string): [string, DebianFile & { version: string }] {
  const field = (name: string): string => {
    const value = new RegExp(`^${name}: (.*)$`, 'm').exec(paragraph)?.[1]
    if (value === undefined) throw new Error(`apt-cache shows a package without ${name}:\n${paragraph}`)
    return value
  }
  return [field('Package'), { version: field('Version'), path: field('Filename'), sha256: field('SHA256') }]
}

function fileOf(found: DebianFile | undefined): DebianFile {
  if (found === undefined) throw new Error('the package is not there')
  return { path: found.path, sha256: found.sha256 }
}

function forEach<T>(give: (architecture: Architecture) => T): Record<Architecture, T> {
  return { amd64: give('amd64'), arm64: give('arm64') }
}
