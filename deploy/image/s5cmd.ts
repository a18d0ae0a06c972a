/** The program of the engine s5cmd, built from the module that go.mod and go.sum pin: one version for the image and for the tests. */
import { copyFile, mkdir, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { goBuild, runGo } from './go.ts'
import type { Architecture } from './runtime-lock.ts'

/** The directory of go.mod and go.sum. */
export const s5cmdModule = new URL('./s5cmd/', import.meta.url)
export const s5cmdPackage = 'github.com/peak/s5cmd/v2'

/** s5cmd says its version only where it is told it. */
export function s5cmdLinkerFlags(version: string): string {
  const values = { Version: version, GitCommit: 'module' }
  return Object.entries(values)
    .map(([name, value]) => `-X ${s5cmdPackage}/version.${name}=${value}`)
    .join(' ')
}

export async function layOutS5cmd(directory: string, architecture: Architecture): Promise<void> {
  const target = join(directory, 'usr', 'local', 'bin', 's5cmd')
  await mkdir(dirname(target), { recursive: true })
  const version = (await go(['list', '-m', '-f', '{{.Version}}', s5cmdPackage], architecture)).trim()
  await go([...goBuild, '-ldflags', `-s -w ${s5cmdLinkerFlags(version)}`, '-o', target, s5cmdPackage], architecture)
  await addLicences(join(directory, 'licenses', 's5cmd'), architecture)
}

/** Copies those of Go and of every module that is linked into the program. */
async function addLicences(directory: string, architecture: Architecture): Promise<void> {
  const format = '{{with .Module}}{{.Path}} {{.Dir}}{{end}}'
  const linked = await go(['list', '-deps', '-f', format, s5cmdPackage], architecture)
  const modules = new Set(linked.split('\n').filter((line) => line !== ''))
  const goRoot = (await go(['env', 'GOROOT'], architecture)).trim()
  for (const line of [`go ${goRoot}`, ...modules]) {
    const [name = '', ...path] = line.split(' ')
    await copyLicences(path.join(' '), join(directory, name))
  }
}

/** Throws where there is none. */
async function copyLicences(source: string, target: string): Promise<void> {
  const names = (await readdir(source)).filter((name) => /^(?:LICEN[CS]E|COPYING|NOTICE)/i.test(name))
  if (names.length === 0) throw new Error(`${source} has no licence`)
  await mkdir(target, { recursive: true })
  for (const name of names) await copyFile(join(source, name), join(target, name))
}

async function go(args: readonly string[], architecture: Architecture): Promise<string> {
  return await runGo(args, s5cmdModule, architecture)
}
