/** Prints trees as text: YAML with the reasons as comments, or JSON without them. */
import { Document, Pair, Scalar, YAMLMap, YAMLSeq, type Node } from 'yaml'
import { wrapText } from '../values/print/wrap-text.ts'
import { entriesOf, Explained, plain, type Branch, type Tree } from './tree.ts'

const commentWidth = 100

/** Many YAML 1.1 readers parse more words as numbers and dates than YAML 1.2 does. */
const style = { lineWidth: 0, indent: 2, indentSeq: false } as const

export function printTreeAsYAML(trees: readonly Tree[]): string {
  return trees.map(printDocument).join('---\n')
}

export function printTreeAsJSON(tree: Tree): string {
  return `${JSON.stringify(plain(tree), null, 2)}\n`
}

/** Comment lines, each with a leading blank and without the comment sign. Commands are not wrapped. */
export function wrapComment(text: string): string {
  const isCommand = text.includes('\\\n')
  return (isCommand ? text.split('\n') : wrapText(text, commentWidth)).map((line) => ` ${line}`).join('\n')
}

function printDocument(tree: Tree): string {
  const document = new Document(undefined, { version: '1.2', compat: 'yaml-1.1', aliasDuplicateObjects: false })
  document.contents = commented(nodeOf(tree), tree)
  return document.toString(style)
}

function nodeOf(tree: Tree): Node {
  const value = tree instanceof Explained ? tree.value : tree
  if (value instanceof Explained) return nodeOf(value)
  if (Array.isArray(value)) return listOf(value as readonly Tree[])
  return typeof value === 'object' ? mapOf(value as Branch) : new Scalar(value)
}

function mapOf(branch: Branch): YAMLMap {
  const map = new YAMLMap()
  for (const [name, value] of entriesOf(branch)) {
    map.items.push(new Pair(commented(new Scalar(name), value), nodeOf(value)))
  }
  return map
}

function listOf(items: readonly Tree[]): YAMLSeq {
  const list = new YAMLSeq()
  for (const item of items) list.items.push(commented(nodeOf(item), item))
  return list
}

function commented<N extends Node>(node: N, tree: Tree): N {
  if (tree instanceof Explained) node.commentBefore = wrapComment(tree.reason)
  return node
}
