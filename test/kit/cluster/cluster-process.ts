/** Processes of a cluster: each with its log in the cluster's directory, and none that outlives the test. */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

export interface ClusterCommand {
  readonly file: string
  readonly args: readonly string[]
  /** The name of the file without it. */
  readonly name?: string
  /** Empty without it: variables of the machine must not reach the test. */
  readonly env?: NodeJS.ProcessEnv
  /** SIGTERM without it. */
  readonly endSignal?: EndSignal
}

export interface ClusterProcess {
  readonly name: string
  readonly child: ChildProcess
  /** Tells how: "exited with code 1". */
  readonly exited: Promise<string>
  readonly endSignal: EndSignal
}

type EndSignal = 'SIGTERM' | 'SIGKILL'

const END_TIMEOUT_SECONDS = 10
const LOG_TAIL_LINES = 20

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export function runProcess(directory: string, command: ClusterCommand): ClusterProcess {
  const { file, args, name = basename(file), env = {}, endSignal = 'SIGTERM' } = command
  const log = openSync(logFileOf(directory, name), 'w')
  const child = spawn(file, args, { cwd: directory, env, stdio: ['ignore', log, log] })
  closeSync(log)
  const exited = whenExited(child)
  const guard = child.pid === undefined ? undefined : startGuard(child.pid, directory)
  running.add(child)
  return {
    name,
    child,
    endSignal,
    exited: exited.then(async (how) => {
      running.delete(child)
      if (guard !== undefined) await endGuard(guard)
      return how
    }),
  }
}

/**
 * Ends the process and removes the directory when the pipe from the test closes, and so also when the test is ended by
 * SIGKILL or by a signal without a handler, which Node does not report. While the test runs, the guard ends together
 * with its process, so that the pid cannot be another's by then.
 */
function startGuard(pid: number, directory: string): ChildProcess {
  // Ctrl+C reaches the whole process group; the guard has to live on and do its work then.
  const script = 'trap "" INT TERM HUP; read -r _; kill -9 "$1" 2>/dev/null; rm -rf -- "$2"'
  return spawn('/bin/sh', ['-c', script, 'guard', String(pid), directory], { stdio: ['pipe', 'ignore', 'ignore'] })
}

async function endGuard(guard: ChildProcess): Promise<void> {
  const exited = whenExited(guard)
  guard.kill('SIGKILL')
  await exited
}

function whenExited(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      resolve(signal === null ? `exited with code ${code}` : `was ended by ${signal}`)
    })
    // No such file or not executable: then there is no exit.
    child.once('error', (error) => {
      resolve(`was not started: ${error.message}`)
    })
  })
}

export async function endProcesses(processes: readonly ClusterProcess[]): Promise<void> {
  await Promise.all(processes.map(endProcess))
}

/** May be called more than once. */
async function endProcess({ child, exited, endSignal }: ClusterProcess): Promise<void> {
  child.kill(endSignal)
  const lastResort = setTimeout(() => {
    child.kill('SIGKILL')
  }, END_TIMEOUT_SECONDS * 1000)
  await exited
  clearTimeout(lastResort)
}

export async function logTails(processes: readonly ClusterProcess[], directory: string): Promise<string> {
  const tails = await Promise.all(
    processes.map(async ({ name }) => {
      const log = await readFile(logFileOf(directory, name), 'utf8').catch(messageOf)
      const lines = log.trimEnd().split('\n')
      return `\n--- the end of ${name}.log ---\n${lines.slice(-LOG_TAIL_LINES).join('\n')}`
    }),
  )
  return tails.join('')
}

function logFileOf(directory: string, name: string): string {
  return join(directory, `${name}.log`)
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : JSON.stringify(error)
}
