/** Runs a loader engine as a pod does: its own process, its environment and nothing else. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { imageNodeFlags } from '../../../deploy/image/node-flags.ts'

export interface LoaderEngine {
  readonly name: 'native' | 's5cmd'
  /** The command line; `terminationLog` is where the kubelet would look. */
  command(terminationLog: string): readonly string[]
  /** Variables in addition to the loader's own, as the private CA of the test's server. */
  environment(caCertificateFile: string | undefined): Readonly<Record<string, string>>
}

export interface LoaderEnd {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly log: string
  /** The termination message, which `kubectl describe pod` would show. */
  readonly terminationMessage: string
}

export interface RunningLoader {
  readonly child: ChildProcess
  log(): string
  readonly end: Promise<LoaderEnd>
}

export const sourceMain = join(import.meta.dirname, '..', '..', '..', 'src', 'main.ts')

export const nativeEngine: LoaderEngine = {
  name: 'native',
  command: (terminationLog) => [
    process.execPath,
    ...imageNodeFlags,
    sourceMain,
    'load',
    '--start-jitter',
    '0',
    '--termination-log',
    terminationLog,
  ],
  environment: (caCertificateFile): Record<string, string> =>
    caCertificateFile === undefined ? {} : { NODE_EXTRA_CA_CERTS: caCertificateFile },
}

/** `wrap` puts something in front of the command, as a namespace. `directory` is the caller's, for small files. */
export async function startLoader(
  engine: LoaderEngine,
  directory: string,
  env: Readonly<Record<string, string>>,
  wrap: (command: readonly string[]) => readonly string[] = (command) => command,
): Promise<RunningLoader> {
  const terminationLog = join(directory, `termination-${crypto.randomUUID()}`)
  await writeFile(terminationLog, '')
  // As the kubelet makes it: the container may run as anybody.
  await chmod(terminationLog, 0o666)
  const [file = '', ...args] = wrap(engine.command(terminationLog))
  const child = spawn(file, args, {
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log += text
    })
  }
  return { child, log: () => log, end: endOf(child, () => log, terminationLog) }
}

async function endOf(child: ChildProcess, log: () => string, terminationLog: string): Promise<LoaderEnd> {
  const [exitCode, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return { exitCode, signal, log: log(), terminationMessage: await readFile(terminationLog, 'utf8') }
}
