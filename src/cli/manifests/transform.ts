/** Judges every object of a document and builds the resulting document. */
import jsonPatch, { type Operation } from 'fast-json-patch'
import type { ManifestDocument } from './documents.ts'
import { rewrite } from './rewrite.ts'
import type { Path } from './paths.ts'
import { podsIn, type FoundPod, type PodSettings } from './pods.ts'
import { objectsIn, type FoundObject } from './workloads.ts'

export const verdicts = ['injected', 'uninjected', 'skipped', 'denied'] as const

/** Verdict about a pod, or about an object without pods. */
export interface ObjectVerdict {
  readonly verdict: (typeof verdicts)[number]
  /** Relative to the pod. */
  readonly patch: readonly Operation[]
  /** Lines of the report, after the title of the object. */
  readonly lines: readonly string[]
  readonly warnings: readonly string[]
  /** True if it could not be judged, which is no verdict about it. */
  readonly isUnjudged?: true
  /** Notes that apply to all objects alike, reported once. */
  readonly notes?: readonly string[]
}

export interface Judge {
  /** `pods` are all of the same object. */
  readonly judge: (pod: FoundPod, pods: readonly FoundPod[]) => ObjectVerdict
  /** Set for an object without pods. */
  readonly withoutPods: ObjectVerdict
  readonly settings: PodSettings
}

export interface JudgedPod extends Omit<ObjectVerdict, 'patch'> {
  readonly title: string
}

interface JudgedObject extends FoundObject {
  /** At least one; an object is denied if one of its pods is. */
  readonly verdicts: readonly JudgedPod[]
  readonly isDenied: boolean
  /** Relative to the object. */
  readonly patch: readonly Operation[]
}

export interface TransformedDocument {
  readonly source: ManifestDocument
  readonly objects: readonly JudgedObject[]
  /** Undefined if it is broken, or everything in it was denied: an object without its model must not be applied. */
  readonly result: { readonly value: unknown; readonly text: string } | undefined
}

export function transform(source: ManifestDocument, judge: Judge): TransformedDocument {
  const objects = objectsIn(source).map((found) => judgeObject(found, judge))
  return { source, objects, result: resultOf(source, objects) }
}

function judgeObject(found: FoundObject, { judge, withoutPods, settings }: Judge): JudgedObject {
  const pods = podsIn(found, settings)
  const judged = pods.map((pod) => ({ pod, verdict: judge(pod, pods) }))
  const isDenied = judged.some(({ verdict }) => verdict.verdict === 'denied')
  return {
    ...found,
    verdicts:
      pods.length === 0
        ? [{ ...withoutPods, title: found.title }]
        : judged.map(({ pod, verdict }) => ({ ...verdict, title: pod.title })),
    isDenied,
    patch: isDenied
      ? []
      : judged.flatMap(({ pod, verdict }) => verdict.patch.map((operation) => moveBelow(operation, pod.path ?? []))),
  }
}

function resultOf(source: ManifestDocument, objects: readonly JudgedObject[]): TransformedDocument['result'] {
  if (source.problem !== undefined) return undefined
  const denied = objects.filter(({ isDenied }) => isDenied)
  if (denied.length > 0 && denied.length === objects.length) return undefined
  // Removed from the last to the first, because each removal moves the items after it.
  const removals = denied.toReversed().map(({ path }): Operation => ({ op: 'remove', path: pointerTo(path) }))
  return change(source, [...changesOf(objects), ...removals])
}

/** The whole document with its changes; denied objects stay unchanged. Used for --diff. */
export function preview({ source, objects }: TransformedDocument): string {
  return change(source, changesOf(objects)).text
}

function changesOf(objects: readonly JudgedObject[]): Operation[] {
  return objects.flatMap(({ patch, path }) => patch.map((operation) => moveBelow(operation, path)))
}

function change(
  source: ManifestDocument,
  operations: readonly Operation[],
): { readonly value: unknown; readonly text: string } {
  if (operations.length === 0) return source
  const value = jsonPatch.applyPatch<unknown>(structuredClone(source.value), structuredClone(operations)).newDocument
  return { value, text: rewrite(source.text, value) }
}

function moveBelow(operation: Operation, path: Path): Operation {
  const prefix = pointerTo(path)
  const moved = { ...operation, path: prefix + operation.path }
  return 'from' in moved ? { ...moved, from: prefix + moved.from } : moved
}

/** https://www.rfc-editor.org/rfc/rfc6901 */
function pointerTo(path: Path): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
