/** Reads runtime.lock.json, which `make lock-runtime` writes: Node and the C library of the image, by version and checksum. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const architectures = ['amd64', 'arm64'] as const
export type Architecture = (typeof architectures)[number]

export interface NodePackage {
  readonly name: string
  /** Checksum of the package's file, as npm writes it into its own lock file. */
  readonly integrity: string
}

export interface DebianFile {
  /** Below the base of any of Debian's mirrors. */
  readonly path: string
  readonly sha256: string
}

export interface DebianPackage {
  readonly version: string
  readonly files: Readonly<Record<Architecture, DebianFile>>
}

export interface RuntimeLock {
  readonly node: {
    readonly version: string
    readonly packages: Readonly<Record<Architecture, NodePackage>>
  }
  readonly debian: {
    readonly release: string
    readonly packages: Readonly<Record<string, DebianPackage>>
  }
}

export const root = join(import.meta.dirname, '..', '..')
export const lockFile = join(root, 'runtime.lock.json')

export function readRuntimeLock(): RuntimeLock {
  return JSON.parse(readFileSync(lockFile, 'utf8')) as RuntimeLock
}

/** npm and Node call amd64 by another name than Debian and container images. */
export function npmArchitecture(architecture: Architecture): 'x64' | 'arm64' {
  return architecture === 'amd64' ? 'x64' : architecture
}

export function readArchitecture(text: string): Architecture {
  const found = architectures.find((architecture) => architecture === text)
  if (found === undefined) throw new Error(`the architecture is ${text}: accepted are ${architectures.join(' and ')}`)
  return found
}

export function ownArchitecture(): Architecture {
  return readArchitecture(process.arch === 'x64' ? 'amd64' : process.arch)
}
