/** zsh and fish out of Debian's packages, for the completion of the command line. */
import { chmod, mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unpackedPackages } from './debian-packages.ts'

const packages = ['zsh', 'zsh-common', 'libcap2', 'fish', 'fish-common', 'libpcre2-32-0', 'libtinfo6', 'libstdc++6']

/** Writes a `zsh` and a `fish` into the directory that run the unpacked ones. */
export async function placeShells(directory: string): Promise<void> {
  const root = await unpackedPackages('shells', packages)
  const libraries = await librariesOf(root)
  await mkdir(directory, { recursive: true })
  await symlink('/bin/bash', join(directory, 'bash'))
  // Both look for their functions below /usr unless they are told; fish finds its own beside the program.
  const [modules, functions] = [join(libraries, 'zsh'), join(root, 'usr/share/zsh/functions')]
  const starts = {
    zsh: `MODULE_PATH="$(echo '${modules}'/[0-9]*)" FPATH="$(find '${functions}' -type d | paste -sd:)" exec '${root}/bin/zsh' -f "$@"`,
    fish: `exec '${root}/usr/bin/fish' --no-config "$@"`,
  }
  for (const [name, start] of Object.entries(starts)) {
    const file = join(directory, name)
    await writeFile(
      file,
      `#!/bin/sh\nexport LD_LIBRARY_PATH='${libraries}:${libraries.replace('/usr/', '/')}'\n${start}\n`,
    )
    await chmod(file, 0o755)
  }
}

/** Named for the architecture. */
async function librariesOf(root: string): Promise<string> {
  const found = (await readdir(join(root, 'usr/lib'))).find((name) => name.includes('-linux-gnu'))
  if (found === undefined) throw new Error(`${root} has no libraries`)
  return join(root, 'usr/lib', found)
}
