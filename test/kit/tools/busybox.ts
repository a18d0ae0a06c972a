/** The shell and the tools of the stock image: those of the machine, of its Debian package, or those that BUSYBOX names. */
import { execFile } from 'node:child_process'
import { access, constants, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'model-injector', 'busybox')

/** Absolute. Installs nothing: a package is only unpacked into the cache. BUSYBOX may name that of a copy of the stock image. */
export async function busyboxBinary(): Promise<string> {
  if (process.env.BUSYBOX !== undefined) return process.env.BUSYBOX
  for (const path of ['/bin/busybox', '/usr/bin/busybox', '/usr/local/bin/busybox', join(cache, 'bin', 'busybox')]) {
    if (await isExecutable(path)) return path
  }
  return unpackPackage()
}

async function unpackPackage(): Promise<string> {
  await mkdir(join(cache, '..'), { recursive: true })
  const directory = await mkdtemp(`${cache}-`)
  try {
    await download(directory)
    const file = (await readdir(directory)).find((name) => name.endsWith('.deb')) ?? ''
    await run('dpkg', ['-x', join(directory, file), join(directory, 'unpacked')])
    // A second process finds the result of the first.
    await rename(join(directory, 'unpacked'), cache).catch(() => undefined)
  } catch (error) {
    throw new Error('busybox is needed for the shells of the test cluster: install busybox-static', { cause: error })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
  return join(cache, 'bin', 'busybox')
}

async function download(directory: string): Promise<void> {
  const get = async (): Promise<unknown> => run('apt-get', ['download', 'busybox-static'], { cwd: directory })
  try {
    await get()
  } catch {
    // A machine that has never looked knows of no packages.
    await run('apt-get', ['update'])
    await get()
  }
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
