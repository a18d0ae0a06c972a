/** Reads files of operators: strict YAML, and as many of its problems as people read. */
import {
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  parseDocument,
  YAMLError,
  type Document,
  type ParsedNode,
  type ParseOptions,
  type YAMLMap,
} from 'yaml'

type Path = readonly (string | number)[]

type YamlResult =
  /** `lineOf` is for a value, or for what is around it where it is missing. */
  | { readonly ok: true; readonly value: unknown; readonly lineOf: (path: Path) => number }
  | { readonly ok: false; readonly problems: readonly string[]; readonly line: number }

interface ReadDocument {
  readonly document: Document.Parsed
  readonly lineCounter: LineCounter
}

/** Strict: warnings of the library, as for an unknown tag, count as mistakes. */
export function readYaml(text: string): YamlResult {
  try {
    const { document, lineCounter } = parseUnique(text)
    // The parser is often confused after its first error, so the rest is not repeated.
    const [first] = [...document.errors, ...document.warnings]
    if (first !== undefined) return notReadable(first)
    return {
      ok: true,
      value: document.toJS({ maxAliasCount: 100 }),
      lineOf: (path) => lineCounter.linePos(offsetOf(document, path)).line,
    }
  } catch (error) {
    return notReadable(error)
  }
}

function offsetOf(document: Document, path: Path): number {
  const node = path.length === 0 ? document.contents : document.getIn(path, true)
  const offset = isNode(node) ? node.range?.[0] : undefined
  return offset ?? (path.length === 0 ? 0 : offsetOf(document, path.slice(0, -1)))
}

/**
 * The library compares each key of a map with all before it: 20,000 variables took seconds. So keys are looked up here; only a file
 * with a key twice is parsed again, for the library's message about that key.
 */
function parseUnique(text: string): ReadDocument {
  const read = parseWith(text, false)
  const repeated = new Set(repeatedKeys(read.document.contents))
  if (repeated.size === 0) return read
  const isRepeated = (_: unknown, key: ParsedNode): boolean => repeated.has(key.range[0])
  return parseWith(text, isRepeated)
}

function parseWith(text: string, uniqueKeys: NonNullable<ParseOptions['uniqueKeys']>): ReadDocument {
  const lineCounter = new LineCounter()
  return { document: parseDocument(text, { logLevel: 'silent', uniqueKeys, lineCounter }), lineCounter }
}

/** Places of the keys that their map has already. */
function* repeatedKeys(node: unknown): Generator<number> {
  if (isPair(node)) {
    yield* repeatedKeys(node.key)
    yield* repeatedKeys(node.value)
  }
  if (isMap(node)) yield* repeatedKeysOf(node)
  if (isCollection(node)) for (const item of node.items) yield* repeatedKeys(item)
}

function* repeatedKeysOf({ items }: YAMLMap): Generator<number> {
  const seen = new Set<unknown>()
  for (const { key } of items) {
    if (isScalar(key) && key.range && seen.size === seen.add(key.value).size) yield key.range[0]
  }
}

function notReadable(error: unknown): Extract<YamlResult, { ok: false }> {
  const message = error instanceof Error ? error.message : String(error)
  const isTooDeep = error instanceof RangeError || /call stack|stack overflow/i.test(message)
  const problem = `not readable as YAML: ${isTooDeep ? 'it is nested too deeply' : message}`
  return { ok: false, problems: [problem], line: error instanceof YAMLError ? (error.linePos?.[0].line ?? 1) : 1 }
}

/** People do not read more. */
const mostProblems = 100

export function firstProblems(problems: readonly string[]): readonly string[] {
  const rest = problems.length - mostProblems
  return rest > 0 ? [...problems.slice(0, mostProblems), `and ${rest} more`] : problems
}
