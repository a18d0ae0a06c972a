/**
 * Runs the real command line in a process that runs one after the other. A process of its own takes a third of a second of a core to read the
 * program, which is more than most commands take. For tests of what a command says, and not of the process: those have runCLI.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { inheritedEnvironment, type RunOptions, type RunResult } from './run-cli.ts'

export interface CommandLine {
  readonly args: readonly string[]
  readonly stdin: string
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
}

let shared: ChildProcess | undefined
let last: Promise<unknown> = Promise.resolve()

export async function runShared(
  args: readonly string[],
  { stdin = '', cwd = process.cwd(), env = {} }: RunOptions = {},
): Promise<RunResult> {
  const result = last.then(() => ask({ args, stdin, cwd, env: { ...inheritedEnvironment(), ...env } }))
  last = result.catch(() => undefined)
  return await result
}

async function ask(line: CommandLine): Promise<RunResult> {
  const child = (shared ??= start())
  child.ref()
  child.send(line)
  const ended = new AbortController()
  const { signal } = ended
  try {
    const [answer] = (await Promise.race([
      once(child, 'message', { signal }),
      once(child, 'exit', { signal }).then(([code]) => {
        throw new Error(`${line.args.join(' ')} ended the process that others are to run in, with ${code}`)
      }),
    ])) as [RunResult]
    return answer
  } finally {
    ended.abort()
    child.unref()
    child.channel?.unref()
  }
}

/** Ends with this process, when the channel closes. */
function start(): ChildProcess {
  return fork(join(import.meta.dirname, 'command-process.ts'), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}
