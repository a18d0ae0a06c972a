/** Finds the line of a field: messages say where to look, and editors jump there. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair } from 'yaml'
import type { ManifestDocument, TextPlace } from './documents.ts'
import type { Path } from './paths.ts'
import { keyName, parseDocuments, type ParsedDocument } from './yaml.ts'

interface Located {
  readonly parsed: ParsedDocument | undefined
  readonly lines: LineCounter
}

const located = new WeakMap<ManifestDocument, Located>()

function parseAgain(document: ManifestDocument): Located {
  const known = located.get(document)
  if (known !== undefined) return known
  const lines = new LineCounter()
  const made = { parsed: parseDocuments(document.text, lines)[0], lines }
  located.set(document, made)
  return made
}

/** The place of the key, or of the deepest one above it that is there. */
export function locate(document: ManifestDocument, path: Path): TextPlace {
  const { parsed, lines } = parseAgain(document)
  const offset = parsed === undefined ? 0 : offsetOf(parsed, path)
  const { line, col } = lines.linePos(offset)
  return { line: document.linesBefore + line, column: col }
}

function offsetOf(parsed: ParsedDocument, path: Path): number {
  let node: unknown = parsed.contents
  let offset = parsed.contents?.range[0] ?? 0
  for (const key of path) {
    const step = stepInto(isAlias(node) ? node.resolve(parsed) : node, key)
    if (step === undefined) return offset
    node = step.node
    offset = step.offset ?? offset
  }
  return offset
}

interface Step {
  readonly node: unknown
  readonly offset: number | undefined
}

/** A list of things that have names is indexed by these, too. */
function stepInto(node: unknown, key: string | number): Step | undefined {
  if (isMap(node)) {
    const pair = (node.items as Pair<Node, Node | null>[]).findLast(
      (item) => isScalar(item.key) && keyName(item.key) === String(key),
    )
    return pair && { node: pair.value, offset: pair.key.range?.[0] }
  }
  if (!isSeq(node)) return undefined
  const item: unknown = typeof key === 'number' ? node.items[key] : node.items.find((each) => nameOf(each) === key)
  return item === undefined ? undefined : { node: item, offset: (item as Node).range?.[0] }
}

function nameOf(item: unknown): unknown {
  const name: unknown = isMap(item) ? item.get('name') : undefined
  return name
}

/** `spec.containers[0].env[A]` as the keys and indexes that lead there. */
export function parseField(field: string): Path {
  return [...field.matchAll(/\[([^\]]*)\]|[^.[\]]+/g)].map(([text, inner]) => {
    const key = inner ?? text
    return inner !== undefined && /^\d+$/.test(inner) ? Number(inner) : key
  })
}
