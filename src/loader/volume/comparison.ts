/** Checks that staging holds exactly the listed files, as the last step before publishing. */
import { lstat, readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { quote } from '../../values/printable.ts'
import type { ModelObject } from '../listing.ts'
import { hasCode } from './file-failure.ts'
import type { Layout } from './layout.ts'
import { changedBeneath } from './staged-file.ts'

const looksAtOnce = 32
const shownProblems = 3

/** Throws a LoaderFailure that names files that are missing, extra, not regular, or of another size. */
export async function refuseOtherThanListed(
  { staging, stagingFiles }: Layout,
  objects: readonly ModelObject[],
  directories: readonly string[],
): Promise<void> {
  const problems: string[] = []
  for (const directory of [staging, stagingFiles]) {
    if (!(await lstat(directory)).isDirectory()) problems.push(`${directory} is no directory`)
  }
  if (problems.length === 0) problems.push(...(await compareFiles(stagingFiles, objects, new Set(directories))))
  if (problems.length === 0) return
  const more = problems.length > shownProblems ? ` and ${problems.length - shownProblems} more` : ''
  throw changedBeneath(`staging does not hold what was loaded: ${problems.slice(0, shownProblems).join(', ')}${more}`)
}

async function compareFiles(
  root: string,
  objects: readonly ModelObject[],
  directories: ReadonlySet<string>,
): Promise<readonly string[]> {
  const sizes = new Map(objects.map(({ path, size }) => [path, size]))
  const problems: string[] = []
  const files: string[] = []
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = relative(root, join(entry.parentPath, entry.name))
    if (entry.isDirectory() ? directories.has(path) : sizes.has(path)) {
      if (!entry.isDirectory()) files.push(path)
    } else problems.push(`${quote(path)} was not listed`)
  }
  const waiting = files.values()
  const look = async (): Promise<void> => {
    for (const path of waiting) {
      const problem = await problemOf(join(root, path), sizes.get(path) ?? 0)
      if (problem !== undefined) problems.push(`${quote(path)} ${problem}`)
      sizes.delete(path)
    }
  }
  await Promise.all(Array.from({ length: looksAtOnce }, look))
  return [...problems, ...[...sizes.keys()].map((path) => `${quote(path)} is missing`)]
}

async function problemOf(file: string, size: number): Promise<string | undefined> {
  try {
    const found = await lstat(file)
    if (!found.isFile()) return 'is no regular file'
    return found.size === size ? undefined : `has ${found.size} bytes, not ${size}`
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return 'is missing'
    throw error
  }
}
