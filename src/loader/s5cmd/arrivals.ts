/**
 * The files that s5cmd writes, in a directory of their own in staging. It writes `NUMBER.object` and digits, and takes the digits
 * off when the object is whole. Nothing can limit from outside what it writes, so that a file is looked at often while it grows.
 */
import { randomBytes } from 'node:crypto'
import type { Directory } from '../volume/directory.ts'

export interface Arriving {
  /** The number of the object. */
  readonly object: number
  /** Name of the file in the directory. */
  readonly name: string
  readonly isWhole: boolean
  readonly size: number
  /** Bytes on the disk: parts come in any order, so that the size alone may be that of a hole. */
  readonly written: number
  /** Changes with every byte. */
  readonly mtimeMs: number
}

export class Arrivals {
  readonly #staging: Directory
  readonly #name: string
  #directory: Directory | undefined
  readonly #taken = new Set<number>()

  /**
   * Has a random name, and the program gets it as a descriptor: what stands in the place of the name later leads it nowhere else, and one
   * that outlived a killed loader writes into a directory that is gone.
   */
  constructor(staging: Directory) {
    this.#staging = staging
    this.#name = `arriving-${randomBytes(8).toString('hex')}`
  }

  /** Makes the directory, without what an earlier run of s5cmd left there. */
  async begin(): Promise<void> {
    await this.remove()
    await this.#staging.make(this.#name, 0o700)
    this.#directory = await this.#staging.directory(this.#name)
  }

  async remove(): Promise<void> {
    await this.#directory?.close()
    this.#directory = undefined
    await this.#staging.remove(this.#name)
  }

  /** Open from `begin` to `remove`. */
  get directory(): Directory {
    if (this.#directory === undefined) throw new Error('nothing arrives now')
    return this.#directory
  }

  /** Gives whole files once, and those that grow every time. */
  async look(): Promise<readonly Arriving[]> {
    const names = (await this.directory.entries()).flatMap(({ name }) => {
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
  async #read(file: Pick<Arriving, 'name' | 'object' | 'isWhole'>): Promise<Arriving | undefined> {
    const found = await this.directory.stat(file.name)
    if (found === undefined) return undefined
    const { size, blocks, mtimeMs } = found
    return { ...file, size, written: Math.min(size, blocks * 512), mtimeMs }
  }
}

/** Name of the file of an object that is whole. */
export function arrivedName(object: number): string {
  return `${object}.object`
}

/** The number of the object that a command of s5cmd is about; undefined for none. */
export function objectOfCommand(command: string): number | undefined {
  const number = /\/(\d+)\.object'?$/.exec(command)?.[1]
  return number === undefined ? undefined : Number(number)
}
