/**
 * Counts work instead of seconds: every block of code that runs, by V8's precise coverage, and every item that the language's own
 * functions read or copy, which have no blocks. The same input always costs the same, on every machine.
 *
 * Only code that is compiled after this module was evaluated has counters: import what is measured afterwards.
 */
import { Session } from 'node:inspector'
import type { Profiler } from 'node:inspector'

const session = new Session()
session.connect()
session.post('Profiler.enable')
session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })

let items = 0

/** The cost of `run`. */
export function workOf(run: () => unknown): number {
  takeBlocks()
  const restore = countItems()
  try {
    run()
  } finally {
    restore()
  }
  return takeBlocks() + items
}

/** Blocks alone, for parsers: they ask for the next sign in one long text again and again, and each time all of it would count. */
export function blocksOfWork(run: () => unknown): number {
  takeBlocks()
  run()
  return takeBlocks()
}

function takeBlocks(): number {
  let blocks = 0
  session.post('Profiler.takePreciseCoverage', (error, { result }) => {
    if (error !== null) throw error
    blocks = result.filter(({ url }) => isMeasured(url)).reduce((sum, script) => sum + blocksOf(script), 0)
  })
  return blocks
}

/** Generated validators have no address. */
function isMeasured(url: string): boolean {
  return url === '' || /\/(src|node_modules)\//.test(url)
}

function blocksOf({ functions }: Profiler.ScriptCoverage): number {
  return functions.flatMap(({ ranges }) => ranges).reduce((sum, { count }) => sum + count, 0)
}

type Method = (this: unknown, ...args: unknown[]) => unknown

/** Those that call nothing of ours for each item, so that no block counts it. */
const silent: readonly [owner: object, methods: readonly string[]][] = [
  [Array.prototype, ['includes', 'indexOf', 'lastIndexOf', 'slice', 'concat', 'join', 'reverse', 'toSpliced', 'flat']],
  [String.prototype, ['includes', 'indexOf', 'split', 'replace', 'replaceAll', 'toWellFormed']],
  [Object, ['keys', 'values', 'entries', 'fromEntries', 'assign']],
  [JSON, ['parse', 'stringify']],
]

function countItems(): () => void {
  items = 0
  const undo = silent.flatMap(([owner, methods]) => methods.map((name) => wrap(owner, name)))
  const undoIterator = countIteration()
  return () => {
    undoIterator()
    for (const restore of undo) restore()
  }
}

/** Counts what goes in and what comes out. */
function wrap(owner: object, name: string): () => void {
  const methods = owner as Record<string, Method>
  const original = methods[name]!
  methods[name] = function counted(this: unknown, ...args: unknown[]): unknown {
    const result = Reflect.apply(original, this, args)
    items += Math.max(lengthOf(this), lengthOf(result))
    return result
  }
  return () => {
    methods[name] = original
  }
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) || typeof value === 'string' ? value.length : 0
}

/** Spread, destructuring and the constructors of sets and maps. */
function countIteration(): () => void {
  const prototype = Array.prototype as { [Symbol.iterator]: () => ArrayIterator<unknown> }
  const original = prototype[Symbol.iterator]
  prototype[Symbol.iterator] = function* counted(this: unknown[]): ArrayIterator<unknown> {
    // No for…of: it would ask for this very iterator.
    for (let i = 0; i < this.length; i++) {
      items++
      yield this[i]
    }
  }
  return () => {
    prototype[Symbol.iterator] = original
  }
}
