/**
 * Directories that a transfer thread keeps open while it writes files into them. Another pod may replace a directory of staging
 * by a link at any time; a file that is made below a handle never lands where a link leads.
 */
import { closeSync, constants, openSync } from 'node:fs'
import { basename, dirname, relative } from 'node:path'

const toList = constants.O_RDONLY | constants.O_DIRECTORY
/** Objects come in the order of their keys, so one directory follows the other. */
const mostHeld = 64

export class HeldDirectories {
  readonly #root: string
  /** Handles by path below the root; the one that was used last is at the end. */
  readonly #held = new Map<string, number>()

  /** `root` is the mount of the volume, which alone is found by its path. */
  constructor(root: string) {
    this.#root = root
  }

  /** Path of the file below the handle of its directory. Fails with ENOTDIR where a directory is a link or something else. */
  pathOf(file: string): string {
    const path = relative(this.#root, file)
    return `/proc/self/fd/${this.#handleOf(dirname(path))}/${basename(path)}`
  }

  close(): void {
    for (const handle of this.#held.values()) closeSync(handle)
    this.#held.clear()
  }

  #handleOf(directory: string): number {
    const known = this.#held.get(directory)
    this.#held.delete(directory)
    const handle = known ?? this.#open(directory)
    this.#held.set(directory, handle)
    this.#closeOldest()
    return handle
  }

  #open(directory: string): number {
    if (directory === '.') return openSync(this.#root, toList)
    const parent = this.#handleOf(dirname(directory))
    return openSync(`/proc/self/fd/${parent}/${basename(directory)}`, toList | constants.O_NOFOLLOW)
  }

  #closeOldest(): void {
    if (this.#held.size <= mostHeld) return
    for (const [directory, handle] of this.#held) {
      this.#held.delete(directory)
      closeSync(handle)
      return
    }
  }
}
