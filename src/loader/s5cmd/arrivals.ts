/**
 * The files that s5cmd writes, in a directory of their own in staging. It writes `NUMBER.object` and digits, and takes the digits
 * off when the object is whole. Nothing can limit from outside what it writes, so that a file is looked at often while it grows.
 */
import { randomBytes } from 'node:crypto'
import { lstat, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '../volume/file-failure.ts'

export interface Arriving {
  /** The number of the object. */
  readonly object: number
  readonly file: string
  readonly isWhole: boolean
  readonly size: number
  /** Bytes on the disk: parts come in any order, so that the size alone may be that of a hole. */
  readonly written: number
  /** Changes with every byte. */
  readonly mtimeMs: number
}

const prefix = 'arriving-'

export class Arrivals {
  readonly #directory: string
  readonly #taken = new Set<number>()

  /** Has a random name: a program that outlived a killed loader cannot write into the files of this one. */
  constructor(staging: string) {
    this.#directory = join(staging, prefix + randomBytes(8).toString('hex'))
  }

  /** Makes the directory, without what an earlier run of s5cmd left there. */
  async begin(): Promise<void> {
    await this.remove()
    await mkdir(this.#directory, { mode: 0o700 })
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true })
  }

  fileOf(object: number): string {
    return join(this.#directory, `${object}.object`)
  }

  /** Gives whole files once, and those that grow every time. */
  async look(): Promise<readonly Arriving[]> {
    const names = (await readdir(this.#directory)).flatMap((name) => {
      const match = /^(\d+)\.object(\d*)$/.exec(name)
      const object = Number(match?.[1])
      return match === null || this.#taken.has(object) ? [] : [{ name, object, isWhole: match[2] === '' }]
    })
    const found = await Promise.all(names.map((name) => this.#read(name)))
    const there = found.filter((file) => file !== undefined)
    for (const { object, isWhole } of there) if (isWhole) this.#taken.add(object)
    return there
  }

  /** Undefined where it was renamed meanwhile: the next look finds it. */
  async #read({
    name,
    object,
    isWhole,
  }: {
    name: string
    object: number
    isWhole: boolean
  }): Promise<Arriving | undefined> {
    const file = join(this.#directory, name)
    try {
      const { size, blocks, mtimeMs } = await lstat(file)
      return { object, file, isWhole, size, written: Math.min(size, blocks * 512), mtimeMs }
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined
      throw error
    }
  }
}

/** Removes what loaders that were killed left in staging. */
export async function removeOldArrivals(staging: string): Promise<void> {
  const old = (await readdir(staging)).filter((name) => name.startsWith(prefix))
  for (const name of old) await rm(join(staging, name), { recursive: true, force: true })
}

/** The number of the object that a command of s5cmd is about; undefined for none. */
export function objectOfCommand(command: string): number | undefined {
  const number = /\/(\d+)\.object'?$/.exec(command)?.[1]
  return number === undefined ? undefined : Number(number)
}
