/** Reads YAML as kubectl does, so that the core sees what the API server would see. */
import {
  Composer,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  Lexer,
  Parser,
  stringify,
  visit,
  type Alias,
  type Document,
  type LineCounter,
  type Node,
  type Pair,
  type Scalar,
  type ScalarTag,
  type Tags,
  type YAMLMap,
} from 'yaml'
import { jsonText } from '../../values/json.ts'
import { keyOf, looksLikeNumber, resolvePlain, resolveTagged, type ScalarValue } from './yaml-scalars.ts'

export type ParsedDocument = Document.Parsed

/** A few nested anchors must not grow into gigabytes. */
const maxAliasedNodes = 200_000

/** Every scalar is read as text: its value is that of kubectl, not of the library. */
const reading = {
  schema: 'failsafe',
  uniqueKeys: false,
  resolveKnownTags: false,
  keepSourceTokens: true,
  prettyErrors: false,
  logLevel: 'silent',
} as const

export function parseDocuments(text: string, lineCounter?: LineCounter): readonly ParsedDocument[] {
  const parser = new Parser(lineCounter?.addNewLine)
  lineCounter?.addNewLine(0)
  const composer = new Composer(reading)
  return [...composer.compose(tokensOf(parser, text))] as ParsedDocument[]
}

interface LexerInside {
  readonly buffer: string
  readonly flowLevel: number
  continueScalar: (offset: number) => number
  parsePlainScalar: () => Generator<string, unknown>
  parseQuotedScalar: () => Generator<string, unknown>
  pushToIndex: (end: number, allowEmpty: boolean) => Generator<string, number>
}

function* tokensOf(parser: Parser, text: string): ReturnType<Parser['parse']> {
  const lexer = lenientLexer()
  for (const lexeme of lexer.lex(text)) yield* parser.next(lexeme)
  yield* parser.end()
}

function lenientLexer(): Lexer {
  const lexer = new Lexer()
  const inside = lexer as unknown as LexerInside
  letQuotedLinesStandAtTheLeft(inside)
  letPlainTextEndInColons(inside)
  return lexer
}

/** The closing quote too, unless they end the document: https://github.com/eemeli/yaml/issues/403 */
function letQuotedLinesStandAtTheLeft(inside: LexerInside): void {
  const strict = inside.continueScalar.bind(inside)
  const parseQuoted = inside.parseQuotedScalar.bind(inside)
  inside.parseQuotedScalar = function* parseLeniently() {
    inside.continueScalar = (offset) =>
      /^(?:---|\.\.\.)(?:\s|$)/.test(inside.buffer.slice(offset, offset + 4)) ? -1 : offset
    try {
      return yield* parseQuoted()
    } finally {
      inside.continueScalar = strict
    }
  }
}

/** As the address in `[2001:db8::]`: between brackets, too, a colon ends a key only before a space or a line break. */
function letPlainTextEndInColons(inside: LexerInside): void {
  const push = inside.pushToIndex.bind(inside)
  const parsePlain = inside.parsePlainScalar.bind(inside)
  inside.parsePlainScalar = function* parseWithColon() {
    if (inside.flowLevel === 0) return yield* parsePlain()
    inside.pushToIndex = (end, allowEmpty) => push(endWithColon(inside.buffer, end), allowEmpty)
    try {
      return yield* parsePlain()
    } finally {
      inside.pushToIndex = push
    }
  }
}

function endWithColon(text: string, end: number): number {
  const colon = /\s*:(?=[,[\]{}])/y
  colon.lastIndex = end
  return colon.test(text) ? colon.lastIndex : end
}

/** A document that is YAML, and that kubectl refuses. */
export class ValueProblem extends Error {
  readonly offset: number

  constructor(node: unknown, message: string) {
    super(message)
    this.offset = isNode(node) ? (node.range?.[0] ?? 0) : 0
  }
}

const resolvedAliases = new WeakMap<object, ReadonlyMap<Alias, Node | undefined>>()

/** An alias stands for what had its anchor last; only those before it count. */
function aliasesOf(document: ParsedDocument): ReadonlyMap<Alias, Node | undefined> {
  const known = resolvedAliases.get(document)
  if (known !== undefined) return known
  const aliases = new Map<Alias, Node | undefined>()
  const anchors = new Map<string, Node>()
  visit(document, {
    Alias: (_key, alias) => {
      aliases.set(alias, anchors.get(alias.source))
    },
    Value: (_key, node) => {
      if (node.anchor !== undefined) anchors.set(node.anchor, node)
    },
  })
  resolvedAliases.set(document, aliases)
  return aliases
}

export function unresolvedAlias(
  document: ParsedDocument,
): { readonly offset: number; readonly name: string } | undefined {
  for (const [alias, node] of aliasesOf(document)) {
    if (node === undefined) return { offset: alias.range?.[0] ?? 0, name: alias.source }
  }
  return undefined
}

/** Throws a ValueProblem. Nothing in it is shared: every alias is as if it were written out. */
export function plainValue(document: ParsedDocument, node: unknown = document.contents): unknown {
  return readWhole(new ValueReader(aliasesOf(document)), node)
}

function readWhole(reader: ValueReader, node: unknown): unknown {
  const value = reader.read(node)
  // One that a later key of the same name covers is no matter.
  if (reader.infinite !== undefined && hasInfinite(value)) {
    throw new ValueProblem(reader.infinite, `${String(reader.infinite.value)} is no number of JSON`)
  }
  return value
}

const sharedValues = new WeakMap<object, Map<unknown, unknown>>()

/** The same for many nodes of one document, each read once: parts of the values are shared, so nothing may change them. */
export function sharedValue(document: ParsedDocument, node: unknown): unknown {
  const known = sharedValues.get(document) ?? new Map<unknown, unknown>()
  sharedValues.set(document, known)
  return known.has(node) ? known.get(node) : readWhole(new ValueReader(aliasesOf(document), known), node)
}

function hasInfinite(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value)
  return typeof value === 'object' && value !== null && Object.values(value).some(hasInfinite)
}

class ValueReader {
  infinite: Scalar | undefined
  readonly #aliases: ReadonlyMap<Alias, Node | undefined>
  readonly #known: Map<unknown, unknown> | undefined
  readonly #open: Node[] = []
  #aliased = 0

  constructor(aliases: ReadonlyMap<Alias, Node | undefined>, known?: Map<unknown, unknown>) {
    this.#aliases = aliases
    this.#known = known
  }

  read(node: unknown): unknown {
    if (this.#open.length > 0 && ++this.#aliased > maxAliasedNodes) {
      throw new ValueProblem(this.#open[0], 'has aliases that multiply beyond all measure')
    }
    if (this.#known === undefined) return this.#read(node)
    const value = this.#known.has(node) ? this.#known.get(node) : this.#read(node)
    this.#known.set(node, value)
    return value
  }

  #read(node: unknown): unknown {
    if (isScalar(node)) return this.#readScalar(node)
    if (isAlias(node)) return this.#readAlias(node)
    if (isMap(node)) return Object.fromEntries(this.#readMap(node))
    return isSeq(node) ? node.items.map((item) => this.read(item)) : null
  }

  #readScalar(scalar: Scalar): ScalarValue {
    const read = resolveTagged(scalar.tag ?? '', String(scalar.value), scalar.type === 'PLAIN')
    if (!read.ok) throw new ValueProblem(scalar, read.problem)
    if (typeof read.value === 'number' && !Number.isFinite(read.value)) this.infinite ??= scalar
    return read.value
  }

  #readAlias(alias: Alias): unknown {
    const node = this.#aliases.get(alias)
    if (node === undefined) return null
    if (this.#open.includes(node)) throw new ValueProblem(alias, `the anchor &${alias.source} contains itself`)
    this.#open.push(node)
    try {
      return this.read(node)
    } finally {
      this.#open.pop()
    }
  }

  /** The last of two equal keys holds, and so does a merge that comes after a key. */
  #readMap(map: YAMLMap, fields = new Map<string, unknown>()): Map<string, unknown> {
    for (const { key, value } of map.items as Pair<Node, Node | null>[]) {
      if (isMergeKey(key)) this.#merge(value, fields)
      else fields.set(this.#readKey(key), this.read(value))
    }
    return fields
  }

  #readKey(key: unknown): string {
    const source = isAlias(key) ? this.#aliases.get(key) : key
    const name = isScalar(source) ? keyName(source) : undefined
    if (name === undefined) throw new ValueProblem(key, 'is no key: keys of objects are text')
    return name
  }

  #merge(value: unknown, fields: Map<string, unknown>): void {
    const items = isSeq(value) ? value.items.toReversed() : [value]
    for (const item of items) {
      const source = isAlias(item) ? this.#aliases.get(item) : item
      if (!isMap(source)) throw new ValueProblem(value, '<< wants a map, or a list of maps')
      for (const [key, inner] of Object.entries(this.read(item) as object)) fields.set(key, inner)
    }
  }
}

export function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.value === '<<' && key.type === 'PLAIN'
}

/** The key as JSON has it: that of `on: 1` is `true`. Undefined for what can be none. */
export function keyName(key: Scalar): string | undefined {
  const text = String(key.value)
  const read = resolveTagged(key.tag ?? '', text, key.type === 'PLAIN')
  return read.ok ? keyOf(read.value, text) : undefined
}

export interface YAMLStyle {
  readonly indent: number
  readonly indentSeq: boolean
}

/** Text that kubectl would read as something else, besides what the library knows. */
const numberLike: ScalarTag = {
  identify: () => false,
  default: true,
  tag: 'tag:yaml.org,2002:int',
  test: looksLikeNumber,
  resolve: (text) => resolvePlain(text),
}

const longInteger: ScalarTag = {
  identify: (value) => typeof value === 'bigint',
  default: true,
  tag: 'tag:yaml.org,2002:int',
  test: /^[-+]?[1-9]\d{15,}$/,
  resolve: (text) => BigInt(text),
  stringify: ({ value }) => String(value),
}

/** Other readers take more words for numbers and dates than kubectl does. */
const printing = {
  schema: 'yaml-1.1',
  compat: 'yaml-1.1',
  customTags: (tags: Tags): Tags => [longInteger, ...tags, numberLike],
  lineWidth: 0,
  aliasDuplicateObjects: false,
} as const

/** Lists stand below their key as kubectl writes them; no line is folded. */
export const kubectlStyle: YAMLStyle = { indent: 2, indentSeq: false }

export function printYAML(value: unknown, style: YAMLStyle = kubectlStyle): string {
  return stringify(value, { ...printing, ...style })
}

/** One line, for a place between brackets. */
export function printFlow(value: unknown): string {
  return stringify(value, { ...printing, collectionStyle: 'flow' }).trimEnd()
}

export function printJSON(value: unknown, indent: string | number = 2): string {
  return jsonText(value, indent)
}
