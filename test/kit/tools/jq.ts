/** jq out of Debian's packages, for the queries that the docs show. */
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { unpackedPackages } from './debian-packages.ts'

/** Writes a `jq` into the directory that runs the unpacked one. */
export async function placeJq(directory: string): Promise<void> {
  const root = await unpackedPackages('jq', ['jq', 'libjq1', 'libonig5'])
  await mkdir(directory, { recursive: true })
  const file = join(directory, 'jq')
  // The libraries lie in a directory named for the architecture, which the glob stands for.
  await writeFile(
    file,
    `#!/bin/sh\nfor libraries in '${root}'/usr/lib/*-linux-gnu*; do :; done\nLD_LIBRARY_PATH="$libraries" exec '${root}/usr/bin/jq' "$@"\n`,
  )
  await chmod(file, 0o755)
}
