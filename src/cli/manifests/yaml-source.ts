/** A document under edit, its items, and what the layouts of blocks and brackets have in common. */
import { isCollection, isScalar, type Node, type Pair, type YAMLMap, type YAMLSeq } from 'yaml'
import type { Edit } from './edit.ts'
import type { TextStyle } from './style.ts'
import { isMergeKey, keyName, type ParsedDocument } from './yaml.ts'

export interface YAMLSource extends TextStyle {
  readonly text: string
  readonly document: ParsedDocument
}

/** An item of a list, or a key with its value. */
export interface Item {
  readonly start: number
  readonly end: number
  readonly value: Node
  readonly key?: { readonly name: string; readonly end: number }
}

export interface ItemEditor {
  /** Undefined if the items cannot be cut out one by one. Never called with all of them. */
  readonly remove: (indexes: readonly number[]) => readonly Edit[] | undefined
  readonly replace: (item: Item, target: unknown) => Edit
  /** Inserts after the item at `index`, or before all with -1. Values for a map are objects with one key each. */
  readonly insert: (index: number, values: readonly unknown[]) => Edit
}

/** The map's own keys, without those of merge keys. */
export function itemsOfMap(map: YAMLMap): readonly (Item & { readonly key: object })[] {
  return (map.items as Pair<Node, Node | null>[]).flatMap((pair) => {
    const { key, value } = pair
    if (!isScalar(key) || isMergeKey(key) || !key.range || value === null) return []
    const name = keyName(key)
    return name === undefined
      ? []
      : [{ start: key.range[0], end: endOfPair(pair), value, key: { name, end: key.range[1] } }]
  })
}

export function itemsOfSeq({ srcToken, items }: YAMLSeq): readonly Item[] {
  const dashes =
    srcToken?.type === 'block-seq'
      ? srcToken.items.map(({ start }) => start.find(({ type }) => type === 'seq-item-ind')?.offset)
      : []
  return (items as Node[]).flatMap((node, i) => {
    const start = srcToken?.type === 'block-seq' ? dashes[i] : node.range?.[0]
    return start === undefined ? [] : [{ start, end: endOf(node), value: node }]
  })
}

/** The end of a node's text, without the comment and the line break after it. */
export function endOf(node: Node): number {
  if (isCollection(node) && node.flow !== true && node.items.length > 0) {
    const last = node.items.at(-1) as Node | Pair<Node, Node | null>
    return 'key' in last ? endOfPair(last) : endOf(last)
  }
  return node.range?.[1] ?? 0
}

/** The parser places a missing value after the comment. */
function endOfPair({ key, value, srcToken }: Pair<Node, Node | null>): number {
  if (value !== null && !isNothing(value)) return endOf(value)
  const colon = srcToken?.sep?.find(({ type }) => type === 'map-value-ind')
  return colon === undefined ? endOf(value ?? key) : colon.offset + 1
}

function isNothing(node: Node): boolean {
  return isScalar(node) && node.source === '' && node.range?.[0] === node.range?.[1]
}

/** A block scalar has its line break in it. */
export function replaceText(
  { text, newline }: YAMLSource,
  { start, end }: { start: number; end: number },
  replacement: string,
): Edit {
  return { start, end, text: text[end - 1] === '\n' ? replacement + newline : replacement }
}

export function withNewlines({ newline }: YAMLSource, text: string): string {
  return newline === '\n' ? text : text.replaceAll('\n', newline)
}
