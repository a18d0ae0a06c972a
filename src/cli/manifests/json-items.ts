/**
 * Reads a large JSON list one item at a time, as `kubectl get pods -A -o json` writes it: ten thousand pods are a hundred
 * megabytes. Values, unknown fields and numbers are those that JSON.parse would give.
 */
import { JSONParser } from '@streamparser/json'
import { AppError } from '../../errors.ts'
import { printable } from '../../values/print/printable.ts'

/** The fields of the list that stand before its items: their kind may be among them, or stand in each item. */
export interface ListItem {
  readonly list: Readonly<Record<string, unknown>>
  readonly item: unknown
}

/** An object of the API has at most 1.5 MiB. */
const maxPartBytes = 16 * 2 ** 20

/** An object that is no list is the only item. Throws an AppError where it is no JSON, which may be after the first items. */
export async function* jsonItems(
  name: string,
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<ListItem, void, undefined> {
  const reader = new ItemReader(name)
  for await (const chunk of chunks) yield* reader.read(chunk)
  reader.end()
}

class ItemReader {
  readonly #name: string
  readonly #parser = new JSONParser({ paths: ['$', '$.items.*'] })
  #found: ListItem[] = []
  #list: Readonly<Record<string, unknown>> | undefined
  #count = 0
  /** Bytes since the last item, or since the beginning. */
  #partBytes = 0

  constructor(name: string) {
    this.#name = name
    this.#parser.onValue = ({ value, parent, stack }) => {
      if (stack.length === 0) this.#takeWhole(value)
      else if (Array.isArray(parent)) this.#takeItem(value, parent, stack[1]?.value as object)
    }
  }

  /** Items before a mistake are given before it is thrown. */
  *read(chunk: Buffer): Generator<ListItem> {
    this.#partBytes += chunk.length
    const problem = this.#problemOf(() => {
      this.#parser.write(chunk)
    })
    yield* this.#found.splice(0)
    if (problem !== undefined) throw problem
    if (this.#partBytes <= maxPartBytes) return
    throw new AppError('InputUnreadable', `${this.#name}: an object in it is larger than ${maxPartBytes / 2 ** 20} MiB`)
  }

  end(): void {
    if (this.#parser.isEnded) return
    throw new AppError('InputUnreadable', `${this.#name}: is no JSON: it ends in the middle`)
  }

  /** Removes the item from the list, which would grow to the size of the file. */
  #takeItem(item: unknown, items: unknown[], list: object): void {
    items.length = 0
    this.#list ??= { ...list, items: [] }
    this.#found.push({ list: this.#list, item })
    this.#count++
    this.#partBytes = 0
  }

  #takeWhole(value: unknown): void {
    if (this.#count === 0) this.#found.push({ list: {}, item: value })
  }

  #problemOf(work: () => void): AppError | undefined {
    try {
      work()
      return undefined
    } catch (cause) {
      const place = this.#count === 0 ? this.#name : `${this.#name}: after item ${this.#count}`
      return new AppError('InputUnreadable', `${place}: is no JSON: ${printable((cause as Error).message)}`, { cause })
    }
  }
}
