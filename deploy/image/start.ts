/** The program that the image starts, built from the module in `start`. */
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { goBuild, runGo } from './go.ts'
import type { Architecture } from './runtime-lock.ts'

const startModule = new URL('./start/', import.meta.url)

/** Only the names of the variables are compiled in: the program has no other choice. Go's licence is that of s5cmd's layer. */
export async function layOutStart(directory: string, architecture: Architecture): Promise<void> {
  const target = join(directory, 'usr', 'local', 'bin', 'model-injector')
  await mkdir(dirname(target), { recursive: true })
  // Imported late, as the Dockerfile copies src after the layers that seldom change.
  const { keptVariables } = await import('../../src/kept-variables.ts')
  const rows = Object.entries(keptVariables).map(([command, names]) => `${command}:${names.join(',')}`)
  const linkerFlags = `-s -w -X main.keptVariables=${rows.join(';')}`
  await runGo([...goBuild, '-ldflags', linkerFlags, '-o', target, '.'], startModule, architecture)
}
