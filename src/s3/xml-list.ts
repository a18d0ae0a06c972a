/**
 * Reads the XML of S3. saxes knows the five predefined entities only and expands nothing that a document defines, so no text can
 * grow; and it refuses what is not well-formed, so a text that was cut off is not read.
 */
import { SaxesParser } from 'saxes'

/** Texts by the path of their elements, as `Key` or `RestoreStatus.RestoreExpiryDate`. */
export type ElementFields = ReadonlyMap<string, string>

export interface XmlList {
  readonly root: string
  /** Texts of the children of the root. */
  readonly fields: ElementFields
  /** The items of the list, by name and in order. */
  readonly items: ReadonlyMap<string, readonly ElementFields[]>
}

/** Elements that may come more than once in one item. */
const repeated: readonly string[] = ['ChecksumAlgorithm']
const deepest = 8

/** `itemDepths` says how many elements are around each item. Throws an Error whose first line says why a text cannot be read. */
export function readXmlList(text: string, itemDepths: Readonly<Record<string, number>>): XmlList {
  const reader = new ListReader(itemDepths)
  const parser = new SaxesParser({ position: false })
  parser.on('error', (error) => {
    throw error
  })
  parser.on('opentag', ({ name }) => {
    reader.open(name)
  })
  parser.on('text', (piece) => {
    reader.add(piece)
  })
  parser.on('cdata', (piece) => {
    reader.add(piece)
  })
  parser.on('closetag', () => {
    reader.close()
  })
  parser.write(text).close()
  return reader.list()
}

class ListReader {
  readonly #itemDepths: Readonly<Record<string, number>>
  readonly #path: string[] = []
  readonly #fields = new Map<string, string>()
  readonly #items = new Map<string, ElementFields[]>()
  #item: Map<string, string> | undefined
  #itemDepth = 0
  #root = ''
  #text = ''
  /** True while the last element that was opened is the innermost. */
  #isLeaf = false

  constructor(itemDepths: Readonly<Record<string, number>>) {
    this.#itemDepths = itemDepths
  }

  open(name: string): void {
    const depth = this.#path.length
    if (depth === deepest) throw new Error('elements are nested too deeply')
    if (depth === 0) this.#root = name
    const itemDepth = Object.hasOwn(this.#itemDepths, name) ? this.#itemDepths[name] : undefined
    if (itemDepth !== undefined) this.#openItem(name, depth, itemDepth)
    this.#path.push(name)
    this.#text = ''
    this.#isLeaf = true
  }

  add(piece: string): void {
    this.#text += piece
  }

  close(): void {
    if (this.#isLeaf) this.#take(this.#item === undefined ? 1 : this.#itemDepth + 1)
    this.#path.pop()
    if (this.#item !== undefined && this.#path.length === this.#itemDepth) this.#item = undefined
    this.#text = ''
    this.#isLeaf = false
  }

  list(): XmlList {
    return { root: this.#root, fields: this.#fields, items: this.#items }
  }

  #openItem(name: string, depth: number, itemDepth: number): void {
    if (depth !== itemDepth) throw new Error(`there is a ${name} in the wrong place`)
    this.#item = new Map()
    this.#itemDepth = depth
    const items = this.#items.get(name)
    if (items === undefined) this.#items.set(name, [this.#item])
    else items.push(this.#item)
  }

  /** Takes the text of a leaf whose path begins at that depth. */
  #take(depth: number): void {
    if (this.#path.length <= depth) return
    if (this.#item === undefined && this.#path.length > depth + 1) return
    const name = this.#path.length === depth + 1 ? (this.#path[depth] ?? '') : this.#path.slice(depth).join('.')
    set(this.#item ?? this.#fields, name, this.#text)
  }
}

/** Copies the text: a piece of a page keeps the whole page in memory, and 100,000 keys would keep all pages. */
function set(fields: Map<string, string>, name: string, text: string): void {
  if (fields.has(name) && !repeated.includes(name)) throw new Error(`there is a second ${name}`)
  fields.set(name, Buffer.from(text).toString())
}
