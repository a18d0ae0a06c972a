/**
 * Reads a large JSON list one item at a time, as `kubectl get pods -A -o json` writes it: ten thousand pods are a hundred
 * megabytes. Only finds where an item begins and ends; what it says is read by JSON.parse, and so is what is left of the list.
 */
import { AppError } from '../../errors.ts'
import { printable } from '../../values/printable.ts'

/** What stood before the items: their kind may be among it, or stand in each of them. */
export interface ListItem {
  readonly list: Readonly<Record<string, unknown>>
  readonly item: unknown
}

/** An object of the API has at most 1.5 MiB. */
const maxPartBytes = 16 * 2 ** 20

const [quote, backslash] = [0x22, 0x5c]
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d]

/** An object that is no list is the only item. Throws an AppError where it is no JSON, which may be after the first items. */
export async function* jsonItems(
  name: string,
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<ListItem, void, undefined> {
  const cutter = new ItemCutter(name)
  for await (const chunk of chunks) {
    for (const bytes of cutter.cut(chunk)) {
      yield { list: cutter.list(), item: parse(`${name}: item ${cutter.count}`, bytes) }
    }
  }
  const whole = cutter.end()
  if (cutter.count === 0) yield { list: {}, item: whole }
}

function parse(place: string, bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new AppError('InputUnreadable', `${place}: is no JSON: ${printable((cause as Error).message)}`, { cause })
  }
}

/** Cuts the items out of the list; `{}` stays in the place of each. */
class ItemCutter {
  readonly #name: string
  /** Its bytes as characters: a Buffer of a few bytes would hold the whole chunk that it is from. */
  #rest = ''
  #item: Buffer[] = []
  #depth = 0
  #isInText = false
  #isEscaped = false
  /** One level below the list, two where it is an item. */
  #where: 'outside' | 'items' | 'item' = 'outside'
  #list: Readonly<Record<string, unknown>> | undefined
  count = 0

  constructor(name: string) {
    this.#name = name
  }

  *cut(chunk: Buffer): Generator<Buffer> {
    let start = 0
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]
      if (this.#isInText) this.#goOnInText(byte)
      else if (byte === quote) this.#isInText = true
      else if (byte === openBrace || byte === openBracket) {
        if (this.#isStart(byte, chunk.subarray(start, at))) start = at
      } else if (byte === closeBrace || byte === closeBracket) {
        if (!this.#isEnd()) continue
        yield this.#take(chunk.subarray(start, at + 1))
        start = at + 1
      }
    }
    this.#keep(chunk.subarray(start))
  }

  /** What stood before the items, which are in the middle of it. */
  list(): Readonly<Record<string, unknown>> {
    this.#list ??= parse(
      this.#name,
      Buffer.from(`${this.#rest.replace(/(?:\s|,|\{\})*$/, '')}]}`, 'latin1'),
    ) as Readonly<Record<string, unknown>>
    return this.#list
  }

  end(): unknown {
    if (this.#depth !== 0 || this.#isInText) {
      throw new AppError('InputUnreadable', `${this.#name}: is no JSON: it ends in the middle`)
    }
    return parse(this.#name, Buffer.from(this.#rest, 'latin1'))
  }

  #goOnInText(byte: number | undefined): void {
    if (this.#isEscaped) this.#isEscaped = false
    else if (byte === backslash) this.#isEscaped = true
    else if (byte === quote) this.#isInText = false
  }

  /** Whether what comes now belongs to another part than what came before. */
  #isStart(byte: number, before: Buffer): boolean {
    const depth = this.#depth++
    if (this.#where === 'items' && depth === 2 && byte === openBrace) {
      this.#rest += before.toString('latin1')
      this.#where = 'item'
      return true
    }
    if (this.#where !== 'outside' || depth !== 1 || byte !== openBracket) return false
    this.#rest += before.toString('latin1')
    if (/(?<!\\)"items"\s*:\s*$/.test(this.#rest)) this.#where = 'items'
    return true
  }

  #isEnd(): boolean {
    this.#depth--
    if (this.#where === 'item') return this.#depth === 2
    if (this.#where === 'items' && this.#depth === 1) this.#where = 'outside'
    return false
  }

  #take(last: Buffer): Buffer {
    const item = Buffer.concat([...this.#item, last])
    this.#item = []
    this.#where = 'items'
    this.#rest += '{}'
    this.count++
    return item
  }

  #keep(part: Buffer): void {
    if (this.#where === 'item') this.#item.push(part)
    else this.#rest += part.toString('latin1')
    const length = this.#where === 'item' ? this.#item.reduce((sum, { length }) => sum + length, 0) : this.#rest.length
    if (length > maxPartBytes) {
      throw new AppError(
        'InputUnreadable',
        `${this.#name}: an object in it is larger than ${maxPartBytes / 2 ** 20} MiB`,
      )
    }
  }
}
