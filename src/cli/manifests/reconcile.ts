/** Finds the edits that give a parsed document its target value. */
import { isDeepStrictEqual } from 'node:util'
import { diffArrays } from 'diff'
import { isMap, isSeq, type Node, type YAMLMap, type YAMLSeq } from 'yaml'
import { jsonText } from '../../values/json.ts'
import { blockMapLayout, blockSeqLayout, printBlock } from './block-layout.ts'
import type { Edit } from './edit.ts'
import { flowLayout, printInline } from './flow-layout.ts'
import {
  endOf,
  itemsOfMap,
  itemsOfSeq,
  replaceText,
  type Item,
  type ItemEditor,
  type YAMLSource,
} from './yaml-source.ts'
import { isObject } from './paths.ts'
import { sharedValue } from './yaml.ts'

type Fields = Readonly<Record<string, unknown>>

export function documentEdits(source: YAMLSource, target: unknown): readonly Edit[] {
  const node = source.document.contents
  return node === null ? [] : (reconcile(source, node, target) ?? [replaceRoot(source, node, target)])
}

function replaceRoot(source: YAMLSource, node: Node, target: unknown): Edit {
  const printed = source.json ? printInline(source, target, '') : printBlock(source, target, 0)
  return replaceText(source, { start: node.range?.[0] ?? 0, end: endOf(node) }, printed)
}

/** Undefined if the node has to be replaced as a whole. */
function reconcile(source: YAMLSource, node: Node, target: unknown): readonly Edit[] | undefined {
  if (isDeepStrictEqual(sharedValue(source.document, node), target)) return []
  if (isMap(node) && isObject(target) && !Array.isArray(target)) return reconcileMap(source, node, target)
  if (isSeq(node) && Array.isArray(target)) return reconcileSeq(source, node, target)
  return undefined
}

function reconcileMap(source: YAMLSource, map: YAMLMap, target: Fields): readonly Edit[] | undefined {
  const items = itemsOfMap(map)
  const value = sharedValue(source.document, map) as Fields
  const own = new Map(items.map((item) => [item.key.name, item]))
  const kept = items.filter(({ key }) => Object.hasOwn(target, key.name))
  const merged = Object.keys(value).filter((key) => !own.has(key))
  // A value of a merge key can be overridden by a key of the map's own, but not removed.
  if (kept.length === 0 || merged.some((key) => !Object.hasOwn(target, key))) return undefined
  const added = Object.entries(target).filter(
    ([key, item]) => !own.has(key) && !(Object.hasOwn(value, key) && isDeepStrictEqual(value[key], item)),
  )
  return editsOf(source, map.flow === true ? flowLayout(source, items) : blockMapLayout(source, items), {
    kept: kept.map((item) => [item, target[item.key.name]]),
    removed: items.flatMap((item, i) => (kept.includes(item) ? [] : [i])),
    added: added.length === 0 ? [] : [[items.length - 1, added.map(([key, item]) => ({ [key]: item }))]],
  })
}

function reconcileSeq(source: YAMLSource, seq: YAMLSeq, target: readonly unknown[]): readonly Edit[] | undefined {
  const items = itemsOfSeq(seq)
  if (items.length === 0 || items.length !== seq.items.length) return undefined
  const changes = align(items, sharedValue(source.document, seq) as readonly unknown[], target)
  return editsOf(source, seq.flow === true ? flowLayout(source, items) : blockSeqLayout(source, items), changes)
}

interface Changes {
  readonly kept: readonly (readonly [Item, unknown])[]
  readonly removed: readonly number[]
  /** Each is inserted after the item at an index, or before all with -1. */
  readonly added: readonly (readonly [number, readonly unknown[]])[]
}

/** Edits of inner collections come first: where two end at one place, the inner one is continued first. */
function editsOf(
  source: YAMLSource,
  layout: ItemEditor,
  { kept, removed, added }: Changes,
): readonly Edit[] | undefined {
  const removals = kept.length === 0 ? undefined : layout.remove(removed)
  if (removals === undefined) return undefined
  const changes = kept.flatMap(
    ([item, target]) => reconcile(source, item.value, target) ?? [layout.replace(item, target)],
  )
  return [...changes, ...removals, ...added.map(([index, values]) => layout.insert(index, values))]
}

function align(items: readonly Item[], have: readonly unknown[], target: readonly unknown[]): Changes {
  const kept: [Item, unknown][] = []
  const removed: number[] = []
  const added: [number, readonly unknown[]][] = []
  let index = 0
  let targetIndex = 0
  for (const { gone, come } of replacements(have, target)) {
    const paired = Math.min(gone, come)
    kept.push(...items.slice(index, index + paired).map((item, i): [Item, unknown] => [item, target[targetIndex + i]]))
    removed.push(...items.slice(index + paired, index + gone).map((_item, i) => index + paired + i))
    if (come > paired) added.push([index + paired - 1, target.slice(targetIndex + paired, targetIndex + come)])
    index += gone
    targetIndex += come
  }
  return { kept, removed, added }
}

/** Runs of items that correspond, so that what only changed is not taken out and put in again. */
function replacements(have: readonly unknown[], target: readonly unknown[]): { gone: number; come: number }[] {
  const runs: { gone: number; come: number }[] = []
  for (const { count, added, removed } of diffArrays([...have], [...target], { comparator: isSameItem })) {
    const last = runs.at(-1)
    if (added && last?.come === 0) last.come = count
    else runs.push({ gone: added ? 0 : count, come: removed ? 0 : count })
  }
  return runs
}

/** Containers and volumes are the same thing if they have the same name, whatever else changed in them; so are objects. */
function isSameItem(a: unknown, b: unknown): boolean {
  const identity = identityOf(a)
  return identity === undefined ? isDeepStrictEqual(a, b) : identity === identityOf(b)
}

function identityOf(item: unknown): string | undefined {
  if (!isObject(item)) return undefined
  const { name, mountPath, kind, metadata } = item
  if (typeof name === 'string') return jsonText([name, mountPath])
  return isObject(metadata) ? jsonText([kind, metadata.namespace, metadata.name]) : undefined
}
