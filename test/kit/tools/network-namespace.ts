/** A network of its own for one command, where the link-local addresses of EKS and EC2 are this machine. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'

export const AGENT_ADDRESS = '169.254.170.23'
export const IMDS_ADDRESS = '169.254.169.254'

export interface Ended {
  /** Null where a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** The command and its arguments are parameters of the script, not part of it. */
const SET_UP = `ip link set lo up && ip address add ${AGENT_ADDRESS}/32 dev lo && ip address add ${IMDS_ADDRESS}/32 dev lo && exec "$@"`

/** Servers of the command have to run inside, too: nothing outside can be reached. */
export async function inNetworkNamespace(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Ended> {
  const [file, parameters] = networkNamespaceCommand(command, args)
  await checkPermission()
  const child = spawn(file, parameters, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
  ])
  return { code, signal, stdout, stderr }
}

/** For what starts processes itself, such as tap's `t.spawn`. */
function networkNamespaceCommand(command: string, args: readonly string[]): [file: string, args: string[]] {
  return ['unshare', ['--net', '--', 'sh', '-c', SET_UP, 'sh', command, ...args]]
}

async function checkPermission(): Promise<void> {
  const [file, args] = networkNamespaceCommand('true', [])
  await promisify(execFile)(file, args).catch((error: unknown) => {
    throw new Error(
      'no network namespace can be made here: it takes root (CAP_SYS_ADMIN), unshare of util-linux and ip of iproute2',
      { cause: error },
    )
  })
}
