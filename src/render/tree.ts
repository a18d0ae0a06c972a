/** Objects with reasons, so that the printed text has a comment for every decision. */
export type Tree = string | number | boolean | readonly Tree[] | Explained | Branch

export interface Branch {
  /** Undefined values are left out. */
  readonly [key: string]: Tree | undefined
}

export class Explained {
  readonly reason: string
  readonly value: Tree

  constructor(reason: string, value: Tree) {
    this.reason = reason
    this.value = value
  }
}

/** The reason is printed above the value. */
export function explain(reason: string, value: Tree): Explained {
  return new Explained(reason, value)
}

/** The object without its reasons. */
export function plain(tree: Tree): unknown {
  if (tree instanceof Explained) return plain(tree.value)
  if (Array.isArray(tree)) return tree.map((item: Tree) => plain(item))
  if (typeof tree !== 'object') return tree
  return Object.fromEntries(entriesOf(tree as Branch).map(([key, value]) => [key, plain(value)]))
}

export function entriesOf(branch: Branch): [string, Tree][] {
  return Object.entries(branch).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]))
}
