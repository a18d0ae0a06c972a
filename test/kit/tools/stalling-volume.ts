/** A directory that a real FUSE daemon serves, and that can be made to stall: calls that reach it then wait until it goes on or is killed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { unpackedPackages } from './debian-packages.ts'
import { privateMounts, requireRoot, type PrivateMounts } from './private-mounts.ts'
import { waitFor } from './wait-for.ts'

export interface StallingVolume {
  readonly mounts: PrivateMounts
  /** Mount path, inside. */
  readonly root: string
  /** The directory that the daemon serves. */
  readonly served: string
  /** From now on no call is answered. */
  stall(): void
  goOn(): void
  stop(): Promise<void>
}

/** `directory` is the caller's, for the mount and for what it shows. */
export async function stallingVolume(directory: string): Promise<StallingVolume> {
  requireRoot('a mount of a FUSE file system')
  const packages = await unpackedPackages('bindfs', ['bindfs', 'libfuse2'])
  const [root, served] = [join(directory, 'mounted'), join(directory, 'served')]
  for (const path of [root, served]) await mkdir(path, { recursive: true })
  const mounts = await privateMounts()
  const [file = '', ...args] = mounts.wrap([join(packages, 'usr/bin/bindfs'), '-f', served, root])
  const libraries = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map((machine) => join(packages, 'lib', machine))
  const daemon = spawn(file, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, LD_LIBRARY_PATH: libraries.join(':') },
  })
  const ended = once(daemon, 'close')
  const { dev } = await stat(root)
  await waitFor('the FUSE mount', async () => ((await stat(mounts.outside(root))).dev === dev ? undefined : true), {
    timeoutSeconds: 30,
  })
  return {
    mounts,
    root,
    served,
    stall: () => {
      daemon.kill('SIGSTOP')
    },
    goOn: () => {
      daemon.kill('SIGCONT')
    },
    stop: async () => {
      daemon.kill('SIGKILL')
      await ended
      await mounts.stop()
    },
  }
}
