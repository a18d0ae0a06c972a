/** The engine s5cmd as it runs in the stock image: its script in busybox, and nothing else on the path. */
import { execFileSync } from 'node:child_process'
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { s5cmd } from '../../../src/engines/s5cmd.ts'
import { busyboxBinary } from '../tools/busybox.ts'
import { s5cmdBinary } from '../tools/go-binaries.ts'
import type { LoaderEngine } from './loader-run.ts'

/** Those that the image has and the script may want; the image's own list is of 300. */
const leastApplets = [
  'awk',
  'base64',
  'cat',
  'env',
  'find',
  'mv',
  'nc',
  'od',
  'sed',
  'sha256sum',
  'sh',
  'stat',
  'sync',
  'timeout',
]

/** `directory` is the caller's. The shell is busybox's; another one is to show that the script is POSIX. */
export async function s5cmdEngine(directory: string, shell?: string): Promise<LoaderEngine> {
  const [path, binary] = [await linkApplets(directory), await s5cmdBinary()]
  const [, ...rest] = s5cmd.command.command ?? []
  return {
    name: 's5cmd',
    command: (terminationLog) => [
      join(path, 'env'),
      `MODEL_TERMINATION_LOG=${terminationLog}`,
      shell ?? join(path, 'sh'),
      ...rest,
    ],
    environment: (caCertificateFile) => ({
      PATH: path,
      TMPDIR: directory,
      MODEL_S5CMD: binary,
      ...(caCertificateFile !== undefined && { SSL_CERT_FILE: caCertificateFile }),
    }),
  }
}

async function linkApplets(directory: string): Promise<string> {
  const busybox = await busyboxBinary()
  const path = join(directory, 'busybox')
  await mkdir(path)
  const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n')
  const missing = leastApplets.filter((name) => !applets.includes(name))
  if (missing.length > 0) throw new Error(`${busybox} has no ${missing.join(', ')}`)
  for (const name of applets.filter((applet) => !applet.includes('/'))) await symlink(busybox, join(path, name))
  return path
}
