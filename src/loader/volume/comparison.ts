/** Checks that staging holds exactly the listed files, as the last step before publishing. */
import { join } from 'node:path'
import { quote } from '../../values/print/printable.ts'
import type { ModelObject } from '../listing.ts'
import { eachAtOnce } from './each-at-once.ts'
import { openBelow, usingDirectory, walkFiles, type Directory } from './directory.ts'
import { hasCode } from './file-failure.ts'
import type { Layout } from './layout.ts'
import { changedBeneath } from './staged-file.ts'

/** Calls of the file system at once: more gain nothing over the four threads that make them. */
const looksAtOnce = 32
const shownProblems = 3

/** Throws a LoaderFailure that names files that are missing, extra, or of another size, and entries that are neither file nor directory. */
export async function refuseOtherThanListed(
  { root, stagingName }: Layout,
  objects: readonly ModelObject[],
  directories: readonly string[],
): Promise<void> {
  const problems = await problemsBelow({ root, path: join(stagingName, 'files') }, objects, new Set(directories))
  if (problems.length === 0) return
  const more = problems.length > shownProblems ? ` and ${problems.length - shownProblems} more` : ''
  throw changedBeneath(`staging does not hold what was loaded: ${problems.slice(0, shownProblems).join(', ')}${more}`)
}

async function problemsBelow(
  { root, path }: { readonly root: string; readonly path: string },
  objects: readonly ModelObject[],
  directories: ReadonlySet<string>,
): Promise<readonly string[]> {
  try {
    const files = await openBelow(root, path)
    return await usingDirectory(files, (opened) => compareFiles(opened, objects, directories))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [`${join(root, path)} is gone`]
    throw error
  }
}

async function compareFiles(
  root: Directory,
  objects: readonly ModelObject[],
  directories: ReadonlySet<string>,
): Promise<readonly string[]> {
  const sizes = new Map(objects.map(({ path, size }) => [path, size]))
  const problems: string[] = []
  await walkFiles(root, async (names, directory, below) => {
    if (below !== '' && !directories.has(below)) problems.push(`${quote(below)} was not listed`)
    await eachAtOnce(looksAtOnce, names, async (name) => {
      const path = join(below, name)
      const problem = await problemOf(directory, name, sizes.get(path))
      if (problem !== undefined) problems.push(`${quote(path)} ${problem}`)
      sizes.delete(path)
    })
  })
  return [...problems, ...[...sizes.keys()].map((path) => `${quote(path)} is missing`)]
}

async function problemOf(directory: Directory, name: string, size: number | undefined): Promise<string | undefined> {
  if (size === undefined) return 'was not listed'
  const found = await directory.stat(name)
  if (found === undefined) return 'is missing'
  if (!found.isFile()) return 'is no regular file'
  return found.size === size ? undefined : `has ${found.size} bytes, not ${size}`
}
