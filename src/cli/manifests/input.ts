/** Finds and reads the files that `-f` names. */
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { getSystemErrorMessage } from 'node:util'
import { AppError } from '../../errors.ts'

export interface ManifestFile {
  readonly name: string
  readonly text: string
}

/** An object of the API has at most 1.5 MiB; this is room for some hundreds. */
const maxFileBytes = 16 * 2 ** 20
const maxFileMebibytes = maxFileBytes / 2 ** 20

const manifestName = /\.(?:yaml|yml|json)$/i

/** Reads all or nothing: every file that cannot be read is in the one error. */
export async function readManifestFiles(paths: readonly string[]): Promise<readonly ManifestFile[]> {
  const problems: string[] = []
  const files: ManifestFile[] = []
  for (const path of paths) {
    for (const name of await orProblem(listFiles(path), problems) ?? []) {
      const file = await orProblem(readManifestFile(name), problems)
      if (file !== undefined) files.push(file)
    }
  }
  if (problems.length > 0) throw new AppError('InputUnreadable', problems.join('\n'))
  return files
}

async function orProblem<T>(work: Promise<T>, problems: string[]): Promise<T | undefined> {
  return work.catch((error: unknown) => {
    if (!(error instanceof AppError)) throw error
    problems.push(error.message)
    return undefined
  })
}

async function listFiles(path: string): Promise<readonly string[]> {
  if (path === '-') return [path]
  const info = await stat(path).catch((error: unknown) => { throw unreadable(path, error) })
  if (!info.isDirectory()) return [path]
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch((error: unknown) => { throw unreadable(path, error) })
  const files = entries.filter((entry) => !entry.isDirectory() && manifestName.test(entry.name)).map((entry) => join(entry.parentPath, entry.name))
  const visible = files.filter((file) => !isHidden(relative(path, file))).sort()
  if (visible.length === 0) throw new AppError('InputUnreadable', `${path}: holds no .yaml, .yml or .json file`)
  return visible
}

/** A mounted ConfigMap has every file a second time below `..data`. */
function isHidden(path: string): boolean {
  return path.split(sep).some((segment) => segment.startsWith('.'))
}

async function readManifestFile(path: string): Promise<ManifestFile> {
  const name = path === '-' ? 'stdin' : path
  const bytes = await readBytes(path, name)
  try {
    return { name, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch (cause) {
    throw new AppError('InputUnreadable', `${name}: is not UTF-8 text`, { cause })
  }
}

async function readBytes(path: string, name: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of path === '-' ? process.stdin : createReadStream(path)) {
      chunks.push(chunk as Buffer)
      length += (chunk as Buffer).length
      if (length > maxFileBytes) throw new AppError('InputUnreadable', `${name}: is larger than ${maxFileMebibytes} MiB`)
    }
  } catch (error) {
    throw unreadable(name, error)
  }
  return Buffer.concat(chunks)
}

function unreadable(name: string, error: unknown): AppError {
  if (error instanceof AppError) return error
  const { errno, message } = error as NodeJS.ErrnoException
  return new AppError('InputUnreadable', `${name}: ${errno === undefined ? message : getSystemErrorMessage(errno)}`, { cause: error })
}
