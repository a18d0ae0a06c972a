/** The program that the image starts, built from the module in `start`. */
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { goBuild, runGo } from './go.ts'
import { commandNodeFlags, commandVariables, imageNodeFlags } from './node-flags.ts'
import type { Architecture } from './runtime-lock.ts'

const startModule = new URL('./start/', import.meta.url)

/** Without it, Node takes providers, which are native code, from /etc/ssl/openssl.cnf: a place where others mount authorities. */
const ignoreConfiguration = '--openssl-config=/dev/null'

/** Flags and names are compiled in, so that nothing of the container decides about them. Go's licence is in s5cmd's layer. */
export async function layOutStart(directory: string, architecture: Architecture): Promise<void> {
  const target = join(directory, 'usr', 'local', 'bin', 'model-injector')
  await mkdir(dirname(target), { recursive: true })
  // Imported late, as the Dockerfile copies src after the layers that seldom change.
  const { keptVariables } = await import('../../src/kept-variables.ts')
  const set = Object.entries(commandVariables).map(
    ([command, variables]) => [command, Object.entries(variables).map(([name, value]) => `${name}=${value}`)] as const,
  )
  const values = {
    nodeFlags: [...imageNodeFlags, ignoreConfiguration].join(','),
    commandFlags: rowsOf(Object.entries(commandNodeFlags)),
    keptVariables: rowsOf(Object.entries(keptVariables)),
    setVariables: rowsOf(set),
  }
  const settings = Object.entries(values).map(([name, value]) => `-X main.${name}=${value}`)
  const linkerFlags = ['-s', '-w', ...settings].join(' ')
  await runGo([...goBuild, '-ldflags', linkerFlags, '-o', target, '.'], startModule, architecture)
}

/** As the program reads them: `serve:ITEM,ITEM;load:ITEM`. */
function rowsOf(items: readonly (readonly [command: string, items: readonly string[]])[]): string {
  return items.map(([command, of]) => `${command}:${of.join(',')}`).join(';')
}
