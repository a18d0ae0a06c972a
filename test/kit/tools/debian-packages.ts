/** Programs of Debian that a machine may lack. Nothing is installed: packages are only unpacked into the cache. */
import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The directory below which the files of the packages lie as they would below `/`. `arrange` completes them, once. */
export async function unpackedPackages(
  name: string,
  packages: readonly string[],
  arrange?: (root: string) => Promise<void>,
): Promise<string> {
  const root = join(cacheDirectory(), name)
  if (await exists(root)) return root
  await mkdir(cacheDirectory(), { recursive: true })
  const directory = await mkdtemp(`${root}-`)
  try {
    await download(directory, packages)
    const unpacked = join(directory, 'unpacked')
    const files = (await readdir(directory)).filter((file) => file.endsWith('.deb'))
    for (const file of files) await run('dpkg', ['-x', join(directory, file), unpacked])
    await arrange?.(unpacked)
    // A second process finds the result of the first.
    await rename(unpacked, root).catch(() => undefined)
    return root
  } catch (error) {
    throw new Error(`these Debian packages are needed and could not be downloaded by apt-get: ${packages.join(' ')}`, {
      cause: error,
    })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function cacheDirectory(): string {
  const configured = process.env.XDG_CACHE_HOME
  return join(configured ? resolve(configured) : join(homedir(), '.cache'), 'model-injector', 'debian')
}

async function download(directory: string, packages: readonly string[]): Promise<void> {
  const get = (): Promise<unknown> => run('apt-get', ['download', ...packages], { cwd: directory })
  try {
    await get()
  } catch {
    // A machine that has never looked knows of no packages.
    await run('apt-get', ['update'])
    await get()
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
