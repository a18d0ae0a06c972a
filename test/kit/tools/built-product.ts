/** The product as its image runs it: compiled. From source it needs a third more memory, for what takes the types out. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '..', '..', '..')

/** Gives its main module. `directory` has to be in the work tree, where packages are found. */
export async function buildProduct(directory: string): Promise<string> {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  await promisify(execFile)(process.execPath, [
    compiler,
    '-p',
    join(root, 'tsconfig.build.json'),
    '--outDir',
    directory,
  ])
  return join(directory, 'main.js')
}
