/** A directory as the kubelet mounts a Secret or ConfigMap: files are links into `..data`, which is itself a link. */
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface MountedDirectory {
  readonly path: string
  /** Puts a new version next to the old one, swaps the link by rename, removes the old version. */
  readonly swap: (files: Readonly<Record<string, string | Buffer>>) => Promise<void>
}

export async function mountDirectory(
  parent: string,
  name: string,
  files: Readonly<Record<string, string | Buffer>>,
): Promise<MountedDirectory> {
  const path = join(parent, name)
  await mkdir(path)
  let version = 0
  let known = new Set<string>()
  async function swap(next: Readonly<Record<string, string | Buffer>>): Promise<void> {
    const old = join(path, `..version_${version}`)
    version += 1
    const directory = `..version_${version}`
    await mkdir(join(path, directory))
    for (const [file, content] of Object.entries(next)) await writeFile(join(path, directory, file), content)
    await symlink(directory, join(path, '..data_tmp'))
    await rename(join(path, '..data_tmp'), join(path, '..data'))
    for (const file of Object.keys(next)) {
      if (!known.has(file)) await symlink(join('..data', file), join(path, file))
    }
    known = new Set([...known, ...Object.keys(next)])
    await rm(old, { recursive: true, force: true })
  }
  await swap(files)
  return { path, swap }
}

/** Removed when the test ends. */
export async function temporaryDirectory(t: { teardown: (end: () => Promise<void>) => void }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'model-injector-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return directory
}
