/** Mounts that no other process sees: a namespace that one quiet process keeps, and that goes, with all its mounts, when it ends. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

export interface PrivateMounts {
  /** The command, inside. It runs as the same process, so that signals reach it. */
  readonly wrap: (command: readonly string[]) => readonly string[]
  /** Runs a shell script inside; its arguments are parameters, not part of it. */
  run(script: string, ...args: readonly string[]): Promise<string>
  /** The outer path of a path inside. */
  outside(path: string): string
  /** May be called more than once. */
  stop(): Promise<void>
}

const isRoot = process.getuid?.() === 0
/** Without root the caller becomes root of a user namespace of its own, which may mount a tmpfs too. */
const [unshareFlags, enterFlags] = isRoot
  ? [['--mount'], ['--mount']]
  : [
      ['--user', '--map-root-user', '--mount'],
      ['--user', '--preserve-credentials', '--mount'],
    ]

export async function privateMounts(): Promise<PrivateMounts> {
  // unshare makes what it copies private, so that nothing mounted inside is seen outside. `cat` ends with its input.
  const keeper = spawn('unshare', [...unshareFlags, '--', 'sh', '-c', 'echo ready && exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(keeper, 'close')
  const ready = await Promise.race([once(keeper.stdout, 'data').then(() => true), ended.then(() => false)])
  if (!ready) {
    throw new Error(
      'no mount namespace can be made here: it takes root, or user namespaces that are allowed, and unshare of util-linux',
    )
  }
  const wrap = (command: readonly string[]): readonly string[] => [
    findTool('nsenter'),
    '--target',
    String(keeper.pid),
    ...enterFlags,
    '--',
    ...command,
  ]
  return {
    wrap,
    run: async (script, ...args) => {
      const [file = '', ...rest] = wrap(['sh', '-ec', script, 'sh', ...args])
      return (await promisify(execFile)(file, rest)).stdout
    },
    outside: (path) => join('/proc', String(keeper.pid), 'root', path),
    stop: async () => {
      keeper.stdin.end()
      await ended
    },
  }
}

/** For what only root can arrange: other users, the network's addresses. Such a test fails without it, it is never left out. */
export function requireRoot(what: string): void {
  if (!isRoot) throw new Error(`${what} takes root: run the tests as root, as CI does`)
}

/** Its own files are part of a container's image; here they may lie where only their owner can look. It allows no writing. */
const onlyToRead = '-all,+dac_read_search'

/** As a container with runAsUser 65532 and no privileges to write. */
export function asUser65532(command: readonly string[]): readonly string[] {
  return asUser([`--inh-caps=${onlyToRead}`, `--ambient-caps=${onlyToRead}`, `--bounding-set=${onlyToRead}`], command)
}

/** The same without any privilege; what it has to read must be readable. */
export function asBareUser65532(command: readonly string[]): readonly string[] {
  return asUser(['--inh-caps=-all', '--bounding-set=-all'], command)
}

function asUser(capabilities: readonly string[], command: readonly string[]): readonly string[] {
  return [
    findTool('setpriv'),
    '--reuid',
    '65532',
    '--regid',
    '65532',
    '--clear-groups',
    '--no-new-privs',
    ...capabilities,
    '--',
    ...command,
  ]
}

/** A program of the machine, not one on the command's own path. */
function findTool(name: string): string {
  const found = (process.env.PATH ?? '')
    .split(delimiter)
    .map((directory) => join(directory, name))
    .find((path) => existsSync(path))
  if (found === undefined) throw new Error(`there is no ${name} here: it is part of util-linux`)
  return found
}
