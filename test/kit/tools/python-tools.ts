/** Linters from the Python package index, pinned with all that they need, installed once on each machine. */
import { execFile, type ExecFileException } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { withLock } from './directory-lock.ts'

export type PythonTool = 'cfn-lint' | 'parliament' | 'shellcheck' | 'hadolint' | 'aws'

export interface PythonResult {
  readonly code: number
  readonly output: string
}

const requirements = fileURLToPath(new URL('../../render/tools/requirements.txt', import.meta.url))
// Half a minute with a near index.
const installTimeoutSeconds = 15 * 60
// A linter that loads a specification of all of AWS takes seconds on a busy machine.
const runTimeoutMs = 4 * 60 * 1000

/** Runs a tool to its end; what it says on both streams is the output. */
export async function runPythonTool(
  tool: PythonTool,
  args: readonly string[],
  options: { env?: Readonly<Record<string, string>>; cwd?: string } = {},
): Promise<PythonResult> {
  const directory = await toolsDirectory()
  const env = {
    PATH: `${join(directory, 'bin')}:${process.env.PATH ?? ''}`,
    HOME: directory,
    LC_ALL: 'C.UTF-8',
    ...options.env,
  }
  return new Promise((resolve) => {
    execFile(
      join(directory, 'bin', tool),
      args,
      { env, cwd: options.cwd, timeout: runTimeoutMs, maxBuffer: 64 * 2 ** 20 },
      (error: ExecFileException | null, stdout, stderr) => {
        resolve({
          code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1,
          output: `${stdout}${stderr}`,
        })
      },
    )
  })
}

/** The directory of the tools' programs, to be put on a PATH. */
export async function pythonToolsPath(): Promise<string> {
  return join(await toolsDirectory(), 'bin')
}

let installed: Promise<string> | undefined

async function toolsDirectory(): Promise<string> {
  return (installed ??= install())
}

async function install(): Promise<string> {
  const key = createHash('sha256')
    .update(await python(['--version']))
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 16)
  const configured = process.env.XDG_CACHE_HOME
  const parent = join(configured ? resolve(configured) : join(homedir(), '.cache'), 'model-injector', 'python-tools')
  const directory = join(parent, key)
  const done = join(directory, 'complete')
  if (await exists(done)) return directory
  await mkdir(parent, { recursive: true })
  const onWait = (pid: number | undefined): void => {
    report(`waiting for process ${pid ?? '(just ended)'} to install the linters`)
  }
  await withLock(parent, { timeoutSeconds: installTimeoutSeconds, onWait }, async () => {
    if (await exists(done)) return
    report('installing linters for rendered files, half a minute, once')
    // A venv has its own path in it, so it cannot be made elsewhere and renamed; half a one is made again.
    await rm(directory, { recursive: true, force: true })
    await python(['-m', 'venv', directory])
    await promisify(execFile)(join(directory, 'bin', 'pip'), [
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '--no-deps',
      '--requirement',
      requirements,
    ])
    await writeFile(done, '')
  })
  return directory
}

async function python(args: readonly string[]): Promise<string> {
  try {
    return (await promisify(execFile)('python3', args)).stdout
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    throw new Error('python3 is not installed: the linters of rendered files need Python 3.10 or newer with venv', {
      cause: error,
    })
  }
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  )
}

function report(line: string): void {
  process.stderr.write(`${line}\n`)
}
