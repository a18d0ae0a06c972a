/** The parts of a rendering, and merging several into one. */
import { isDeepStrictEqual } from 'node:util'
import { plain, type Branch, type Tree } from './tree.ts'

/** A CloudFormation template, for resources with a common lifetime. */
export interface Stack {
  readonly name: string
  readonly description: string
  readonly region: string
  readonly resources: Readonly<Record<string, Tree>>
  readonly outputs?: Readonly<Record<string, Branch>>
}

export interface Command {
  readonly comment: string
  /** One or more lines of shell. */
  readonly script: string
}

/** Input of the commands: a separate file, or written by the script itself. */
export interface CommandFile {
  readonly name: string
  readonly text: string
}

export interface Rendering {
  readonly kubernetes: readonly Tree[]
  readonly stacks: readonly Stack[]
  readonly commands: readonly Command[]
  readonly files: readonly CommandFile[]
  /** Steps left to do, and facts that could not be determined. */
  readonly notes: readonly string[]
}

export const nothing: Rendering = { kubernetes: [], stacks: [], commands: [], files: [], notes: [] }

/**
 * Keeps one of each name. Names are derived from all input of an object, so different objects with one name are a bug.
 */
export function merge(renderings: readonly Rendering[]): Rendering {
  return {
    kubernetes: oneOfEach(
      renderings.flatMap(({ kubernetes }) => kubernetes),
      objectKey,
    ),
    stacks: mergeStacks(renderings.flatMap(({ stacks }) => stacks)),
    commands: oneOfEach(
      renderings.flatMap(({ commands }) => commands),
      ({ script }) => script,
    ),
    files: oneOfEach(
      renderings.flatMap(({ files }) => files),
      ({ name }) => name,
    ),
    notes: [...new Set(renderings.flatMap(({ notes }) => notes))],
  }
}

/** `Deployment apps/my-app`: unique on the API server. */
export function objectKey(tree: Tree): string {
  const { apiVersion, kind, metadata } = plain(tree) as {
    apiVersion: string
    kind: string
    metadata: { name: string; namespace?: string }
  }
  return `${apiVersion} ${kind} ${metadata.namespace ?? ''}/${metadata.name}`
}

function mergeStacks(stacks: readonly Stack[]): Stack[] {
  return [...Map.groupBy(stacks, ({ name }) => name).values()].flatMap(([first, ...others]) =>
    first === undefined
      ? []
      : [
          others.reduce(
            (merged, stack) => ({
              ...merged,
              resources: mergeRecords(merged.resources, stack.resources),
              outputs: mergeRecords(merged.outputs ?? {}, stack.outputs ?? {}),
            }),
            first,
          ),
        ],
  )
}

function mergeRecords<T extends Tree>(
  one: Readonly<Record<string, T>>,
  two: Readonly<Record<string, T>>,
): Record<string, T> {
  for (const name of Object.keys(two)) refuseConflict(name, one[name], two[name])
  return { ...one, ...two }
}

/** Throws where two of one key differ. */
function oneOfEach<T extends Tree | object>(items: readonly T[], keyOf: (item: T) => string): T[] {
  const byKey = new Map<string, T>()
  for (const item of items) {
    const key = keyOf(item)
    refuseConflict(key, byKey.get(key), item)
    if (!byKey.has(key)) byKey.set(key, item)
  }
  return [...byKey.values()]
}

function refuseConflict(name: string, one: unknown, two: unknown): void {
  if (one === undefined || isDeepStrictEqual(plain(one as Tree), plain(two as Tree))) return
  throw new Error(`two renderings of ${name} differ`)
}
