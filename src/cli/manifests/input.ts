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
  return fromFiles(paths, readManifestFile)
}

async function fromFiles<T>(paths: readonly string[], take: (path: string) => Promise<T>): Promise<readonly T[]> {
  const problems: string[] = []
  const files: T[] = []
  for (const path of paths) {
    for (const name of (await orProblem(listFiles(path), problems)) ?? []) {
      const file = await orProblem(take(name), problems)
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
  const info = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error)
  })
  if (!info.isDirectory()) return [path]
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(path, error)
  })
  const files = entries
    .filter((entry) => !entry.isDirectory() && manifestName.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
  const visible = files.filter((file) => !isHidden(relative(path, file))).sort()
  if (visible.length === 0) throw new AppError('InputUnreadable', `${path}: holds no .yaml, .yml or .json file`)
  return visible
}

/** A mounted ConfigMap has every file a second time below `..data`. */
function isHidden(path: string): boolean {
  return path.split(sep).some((segment) => segment.startsWith('.'))
}

async function readManifestFile(path: string): Promise<ManifestFile> {
  const { name, chunks } = openFile(path)
  return { name, text: await readText(name, chunks, `is larger than ${maxFileMebibytes} MiB`) }
}

/** A small file is read whole; a large JSON file is streamed. */
export type OpenedFile = ManifestFile | { readonly name: string; readonly chunks: AsyncIterable<Buffer> }

const maxSmallBytes = 2 ** 20

/** Opens all or nothing, like readManifestFiles. */
export async function openManifestFiles(paths: readonly string[]): Promise<readonly OpenedFile[]> {
  return fromFiles(paths, openManifestFile)
}

async function openManifestFile(path: string): Promise<OpenedFile> {
  const { name, chunks } = openFile(path)
  const iterator = chunks[Symbol.asyncIterator]()
  const read: Buffer[] = []
  let length = 0
  while (length <= maxSmallBytes) {
    const next = await iterator.next()
    if (next.done === true) break
    read.push(next.value)
    length += next.value.length
  }
  const all = goOn(read, iterator)
  const isJSON = length > maxSmallBytes && /^\s*\{/.test(Buffer.concat(read).toString('latin1', 0, 100))
  return isJSON
    ? { name, chunks: all }
    : {
        name,
        text: await readText(
          name,
          all,
          `is larger than ${maxFileMebibytes} MiB; in JSON it may be, as kubectl get -o json writes it`,
        ),
      }
}

async function* goOn(read: readonly Buffer[], rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  yield* read
  yield* { [Symbol.asyncIterator]: () => rest }
}

function openFile(path: string): { readonly name: string; readonly chunks: AsyncIterable<Buffer> } {
  const name = path === '-' ? 'stdin' : path
  return { name, chunks: readChunks(name, path === '-' ? process.stdin : createReadStream(path)) }
}

async function* readChunks(name: string, stream: AsyncIterable<unknown>): AsyncGenerator<Buffer, void, undefined> {
  try {
    for await (const chunk of stream) yield chunk as Buffer
  } catch (error) {
    throw unreadable(name, error)
  }
}

async function readText(name: string, chunks: AsyncIterable<Buffer>, tooLarge: string): Promise<string> {
  const read: Buffer[] = []
  let length = 0
  for await (const chunk of chunks) {
    read.push(chunk)
    length += chunk.length
    if (length > maxFileBytes) throw new AppError('InputUnreadable', `${name}: ${tooLarge}`)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(read))
  } catch (cause) {
    throw new AppError('InputUnreadable', `${name}: is not UTF-8 text`, { cause })
  }
}

function unreadable(name: string, error: unknown): AppError {
  if (error instanceof AppError) return error
  const { errno, message } = error as NodeJS.ErrnoException
  return new AppError('InputUnreadable', `${name}: ${errno === undefined ? message : getSystemErrorMessage(errno)}`, {
    cause: error,
  })
}
