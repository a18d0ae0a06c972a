/** The product as its image runs it: bundled. From source it needs a third more memory, for what takes the types out. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '..', '..', '..')

/** Gives its main module. `directory` has to be in the work tree, where packages are found. */
export async function buildProduct(directory: string): Promise<string> {
  await promisify(execFile)(process.execPath, [join(root, 'deploy', 'image', 'bundle.ts'), directory])
  return join(directory, 'main.js')
}
