/**
 * Directories of the volume, held open. Other pods may write to a shared volume, so what lies below a directory is found by its
 * handle and never through a link: whatever stands in the place of a directory or a file of ours ends the loader.
 */
import { constants, type BigIntStats, type Dirent, type Stats, type StatsFs } from 'node:fs'
import { lstat, mkdir, open, readdir, rename, rmdir, statfs, unlink, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { LoaderFailure } from '../exit-codes.ts'
import { hasCode } from './file-failure.ts'
import { timed } from './calls.ts'

/** Refuses a link as the last segment, and does not wait for the other end of a pipe. */
export const safeFlags = constants.O_NOFOLLOW | constants.O_NONBLOCK
const toList = constants.O_RDONLY | constants.O_DIRECTORY
/** Errors of an open(2) that found something other than a file: a link, a pipe or a socket, a directory. */
const notAFile = ['ELOOP', 'ENXIO', 'EISDIR', 'ENODEV']

export class Directory {
  /** For messages. */
  readonly path: string
  readonly #handle: FileHandle

  private constructor(path: string, handle: FileHandle) {
    this.path = path
    this.#handle = handle
  }

  /** Opens the mount of the volume, the only directory that is found by its path: the kubelet made it. */
  static async open(path: string): Promise<Directory> {
    return new Directory(path, await timed(path, open(path, toList)))
  }

  /** Path of an entry below the handle. The last segment is a link where the entry is one. */
  at(name: string): string {
    return `/proc/self/fd/${this.#handle.fd}/${name}`
  }

  /** For a program that inherits the directory. */
  get descriptor(): number {
    return this.#handle.fd
  }

  entries(): Promise<Dirent[]> {
    return timed(this.path, readdir(this.at('.'), { withFileTypes: true }))
  }

  /** Undefined where nothing is. */
  stat(name: string): Promise<Stats | undefined> {
    return timed(join(this.path, name), lstat(this.at(name)).catch(noEntry))
  }

  /** Undefined where nothing is; times in nanoseconds. */
  exactStat(name: string): Promise<BigIntStats | undefined> {
    return timed(join(this.path, name), lstat(this.at(name), { bigint: true }).catch(noEntry))
  }

  /** Throws a LoaderFailure where the entry is no directory, and ENOENT where nothing is. */
  async directory(name: string): Promise<Directory> {
    const path = join(this.path, name)
    try {
      return new Directory(path, await timed(path, open(this.at(name), toList | safeFlags)))
    } catch (error) {
      if (!hasCode(error, 'ENOTDIR', 'ELOOP')) throw error
      throw foreign(path, await this.stat(name), 'a directory')
    }
  }

  /** Makes a directory. False where there is an entry of that name. */
  async make(name: string, mode = 0o777): Promise<boolean> {
    try {
      await timed(join(this.path, name), mkdir(this.at(name), { mode }))
      return true
    } catch (error) {
      if (hasCode(error, 'EEXIST')) return false
      throw error
    }
  }

  /** The directory, made where nothing is. */
  async ownDirectory(name: string): Promise<Directory> {
    await this.make(name)
    return await this.directory(name)
  }

  /** A regular file. Throws a LoaderFailure where the entry is something else, and ENOENT where nothing is. */
  async file(name: string, flags: number, mode?: number): Promise<FileHandle> {
    const path = join(this.path, name)
    const handle = await timed(path, open(this.at(name), flags | safeFlags, mode)).catch(async (error: unknown) => {
      throw hasCode(error, ...notAFile) ? foreign(path, await this.stat(name), 'a file') : error
    })
    const found = await timed(path, handle.stat())
    if (found.isFile()) return handle
    await handle.close()
    throw foreign(path, found, 'a file')
  }

  /** Removes a file, where there is one. Throws a LoaderFailure for anything else. */
  async removeFile(name: string): Promise<void> {
    const found = await this.stat(name)
    if (found === undefined) return
    if (!found.isFile()) throw foreign(join(this.path, name), found, 'a file or a directory')
    await timed(join(this.path, name), unlink(this.at(name)).catch(noEntry))
  }

  /** Removes a file, or a directory with everything below it. Throws a LoaderFailure for anything else, and follows no link. */
  async remove(name: string): Promise<void> {
    const found = await this.stat(name)
    if (found === undefined) return
    if (!found.isDirectory()) {
      await this.removeFile(name)
      return
    }
    await usingDirectory(await this.directory(name), async (below) => {
      for (const entry of await below.entries()) await below.remove(entry.name)
    })
    await this.removeEmpty(name)
  }

  async removeEmpty(name: string): Promise<void> {
    await timed(join(this.path, name), rmdir(this.at(name)))
  }

  /** Renames an entry of this directory. */
  async rename(from: string, to: string): Promise<void> {
    await timed(join(this.path, to), rename(this.at(from), this.at(to)))
  }

  /** Moves an entry into another directory of the same volume. */
  async move(from: string, directory: Directory, to: string): Promise<void> {
    await timed(join(directory.path, to), rename(this.at(from), directory.at(to)))
  }

  async sync(): Promise<void> {
    await timed(this.path, this.#handle.sync())
  }

  /** Sets the mode with chmod, because the umask of the process must not decide who can read the model. */
  async setMode(mode: number): Promise<void> {
    await timed(this.path, this.#handle.chmod(mode))
  }

  async close(): Promise<void> {
    await timed(this.path, this.#handle.close())
  }
}

/** Closes the directory after the action. */
export async function usingDirectory<T>(
  directory: Directory,
  action: (directory: Directory) => Promise<T>,
): Promise<T> {
  try {
    return await action(directory)
  } finally {
    await directory.close()
  }
}

/** Opens a directory by its path below the mount of the volume. */
export async function openBelow(root: string, path: string): Promise<Directory> {
  return await usingDirectory(await Directory.open(root), (directory) => openWithin(directory, path))
}

/** Opens a directory by its path below another one, segment by segment. */
export async function openWithin(directory: Directory, path: string): Promise<Directory> {
  let opened = await directory.directory('.')
  for (const segment of path.split('/').filter((name) => name !== '' && name !== '.')) {
    opened = await usingDirectory(opened, (parent) => parent.directory(segment))
  }
  return opened
}

/** Opens the directory of each path once, and hands over the names in it. */
export async function inDirectories(
  directory: Directory,
  paths: readonly string[],
  action: (opened: Directory, names: readonly string[]) => Promise<void>,
): Promise<void> {
  const byDirectory = Map.groupBy(paths, (path) => dirname(path))
  for (const [parent, found] of byDirectory) {
    await usingDirectory(await openWithin(directory, parent), (opened) =>
      action(
        opened,
        found.map((path) => basename(path)),
      ),
    )
  }
}

/** Visits every file below the directory, one directory after the other. Throws a LoaderFailure for what is neither file nor directory. */
export async function walkFiles(
  directory: Directory,
  visit: (files: readonly string[], directory: Directory, below: string) => Promise<void>,
  below = '',
): Promise<void> {
  const entries = await directory.entries()
  for (const entry of entries) {
    if (entry.isFile() || entry.isDirectory()) continue
    const found = await directory.stat(entry.name)
    if (found !== undefined) throw foreign(join(directory.path, entry.name), found, 'a file or a directory')
  }
  const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name)
  await visit(files, directory, below)
  for (const { name } of entries.filter((entry) => entry.isDirectory())) {
    await usingDirectory(await directory.directory(name), (child) => walkFiles(child, visit, join(below, name)))
  }
}

export async function statVolume(path: string): Promise<StatsFs> {
  return await timed(path, statfs(path))
}

/** Reads a regular file as a whole. Throws a LoaderFailure where its path leads to something else. */
export async function readOwnFile(path: string): Promise<string> {
  return await usingDirectory(await Directory.open(dirname(path)), async (directory) => {
    const file = await directory.file(basename(path), constants.O_RDONLY)
    try {
      return await timed(path, file.readFile('utf8'))
    } finally {
      await file.close()
    }
  })
}

/** Makes the names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  await usingDirectory(await Directory.open(path), (directory) => directory.sync())
}

export async function setMode(path: string, mode: number): Promise<void> {
  await usingDirectory(await Directory.open(path), (directory) => directory.setMode(mode))
}

/** The failure for an entry that the loader did not make. */
export function foreign(path: string, found: Pick<Stats, KindTest> | undefined, expected: string): LoaderFailure {
  return new LoaderFailure('ForeignFiles', `${path} is ${kindOf(found)}, not ${expected}`)
}

type KindTest = 'isSymbolicLink' | 'isDirectory' | 'isFile' | 'isFIFO' | 'isSocket'

function kindOf(found: Pick<Stats, KindTest> | undefined): string {
  if (found === undefined) return 'gone'
  if (found.isSymbolicLink()) return 'a link'
  if (found.isDirectory()) return 'a directory'
  if (found.isFile()) return 'a file'
  return found.isFIFO() ? 'a pipe' : found.isSocket() ? 'a socket' : 'a device'
}

function noEntry(error: unknown): undefined {
  if (!hasCode(error, 'ENOENT')) throw error
}
