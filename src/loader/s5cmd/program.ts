/** Runs s5cmd with commands on its standard input and an environment built from nothing. */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { LoaderFailure } from '../exit-codes.ts'
import type { Directory } from '../volume/directory.ts'

export interface Program {
  readonly path: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** Path of a file in the directory that the program inherits: it is found there whatever stands in the place of its names. */
export function inheritedPath(name: string): string {
  return `/proc/self/fd/${inheritedDescriptor}/${name}`
}

/** The first one after those of the streams. */
const inheritedDescriptor = 3

/** An error of one command, or of the whole program where `command` is empty. */
export interface ProgramError {
  readonly command: string
  readonly text: string
}

export interface ProgramEnd {
  readonly description: string
  /** Set where it could not be started. */
  readonly failure?: LoaderFailure
}

export interface RunningProgram {
  write(command: string): void
  /** No more commands: it ends after the last one. */
  endInput(): void
  /** Resolves when it has ended and all its errors were reported. Never rejects, as nothing waits for it all the time. */
  readonly ended: Promise<ProgramEnd>
  /** Ends it at once: it keeps nothing that is worth the time of an orderly end. It has no children. */
  kill(): void
}

/** Go collects its garbage more often above this; what it needs for 64 objects at once is less. */
const memoryLimit = '40MiB'

const fixedEnv = {
  PATH: '',
  GOMEMLIMIT: memoryLimit,
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
} as const

/** The program writes into `directory` alone. */
export function runProgram(
  { path, args, env }: Program,
  directory: Directory,
  onError: (error: ProgramError) => void,
): RunningProgram {
  // The types know no fourth stream.
  const child = spawn(path, ['--json', '--log', 'error', ...args], {
    env: { ...fixedEnv, ...env },
    stdio: ['pipe', 'ignore', 'pipe', directory.descriptor],
  }) as ChildProcessByStdio<Writable, null, Readable>
  // It may end before it has read all commands; its end says so.
  child.stdin.on('error', () => undefined)
  const lines = createInterface({ input: child.stderr })
  lines.on('line', (line) => {
    onError(readError(line))
  })
  const ended = Promise.all([once(child, 'close'), once(lines, 'close')]).then(
    ([[code, signal]]): ProgramEnd => ({
      description: signal === null ? `it ended with ${String(code)}` : `it was ended by ${String(signal)}`,
    }),
    (error: unknown): ProgramEnd => {
      const description = `the engine s5cmd cannot be started at ${path}`
      return { description, failure: notRunnable(description, error) }
    },
  )
  return {
    write: (command) => {
      child.stdin.write(command)
    },
    endInput: () => {
      child.stdin.end()
    },
    ended,
    kill: () => {
      child.kill('SIGKILL')
    },
  }
}

/** The failure where there is no such program. */
export function notRunnable(message: string, cause?: unknown): LoaderFailure {
  const remedy = "use the product's image of this release, or have an operator set loader.s5cmdPath"
  return new LoaderFailure('InvalidEnvironment', message, { cause, remedy })
}

/** Lines of other forms are those of a crash. */
function readError(line: string): ProgramError {
  try {
    const { command, error } = JSON.parse(line) as { readonly command?: unknown; readonly error?: unknown }
    if (typeof error === 'string') return { command: typeof command === 'string' ? command : '', text: error }
  } catch {
    // Not JSON.
  }
  return { command: '', text: line }
}
