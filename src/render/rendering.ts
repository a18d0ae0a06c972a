/** What a rendering consists of, and how several become one. */
import { isDeepStrictEqual } from 'node:util'
import { plain, type Branch, type Tree } from './tree.ts'

/** A CloudFormation template: what lives and dies together is in one. */
export interface Stack {
  readonly name: string
  readonly description: string
  readonly region: string
  readonly resources: Readonly<Record<string, Tree>>
  readonly outputs?: Readonly<Record<string, Branch>>
}

export interface Command {
  readonly comment: string
  /** Shell, one or more lines. */
  readonly script: string
}

/** What the commands read; each in a file of its own, or written by the script itself. */
export interface CommandFile {
  readonly name: string
  readonly text: string
}

export interface Rendering {
  readonly kubernetes: readonly Tree[]
  readonly stacks: readonly Stack[]
  readonly commands: readonly Command[]
  readonly files: readonly CommandFile[]
  /** What is left to do, or could not be known. */
  readonly notes: readonly string[]
}

export const nothing: Rendering = { kubernetes: [], stacks: [], commands: [], files: [], notes: [] }

/** One of each. Names are made from all that decides about an object, so two of one name that differ are a bug. */
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

/** `Deployment apps/my-app`: the API server has one object of each. */
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
