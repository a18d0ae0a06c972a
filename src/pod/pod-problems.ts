/**
 * Finds every malformed field of a pod. The validator ends at its first problem: a stand-in takes the place of each, and the copy is
 * validated again. What is wrong with a stand-in follows from the problem before it, and is no mistake of the pod.
 */
import { validatePod } from './validate-pod.ts'

type SchemaError = NonNullable<typeof validatePod.errors>[number]

interface PodProblem {
  /** A JSON pointer. */
  readonly pointer: string
  readonly problem: string
}

/** Each round validates the pod once, and most stand-ins take more than one. */
const mostRounds = 60
/** A pod has some hundred values; 7 MiB of them, validated 60 times, would hold up the others. */
const mostValues = 4000

/** Starts from the first problem. The copy is a pod if all of them were found. */
export function findProblems(value: unknown, first: SchemaError | undefined): readonly PodProblem[] {
  const problems: PodProblem[] = []
  const mended: string[] = []
  let copy = value
  let error = first
  for (let round = 0; error !== undefined && round < mostRounds; round++) {
    const { instancePath: pointer, message: problem = 'is malformed' } = error
    if (!mended.some((path) => pointer === path || pointer.startsWith(`${path}/`))) problems.push({ pointer, problem })
    const { place, copy: next } = mend(copy, error)
    if (place === undefined || !hasAtMost(value, mostValues)) break
    mended.push(place)
    copy = next
    error = validatePod(copy) ? undefined : validatePod.errors?.[0]
  }
  return problems
}

/** `place` is where the stand-in is; undefined where none fits. */
function mend(value: unknown, error: SchemaError): { readonly place?: string; readonly copy: unknown } {
  const { instancePath, keyword, params } = error
  const { type, missingProperty } = params as { readonly type?: unknown; readonly missingProperty?: string }
  switch (keyword) {
    case 'type':
      return { place: instancePath, copy: replaceAt(value, segmentsOf(instancePath), standInOf(type)) }
    case 'minLength':
    case 'maxLength':
      return { place: instancePath, copy: replaceAt(value, segmentsOf(instancePath), 'stand-in') }
    case 'minimum':
      return { place: instancePath, copy: replaceAt(value, segmentsOf(instancePath), 0) }
    case 'minItems':
      return { place: `${instancePath}/0`, copy: replaceAt(value, segmentsOf(instancePath), [{}]) }
    case 'required': {
      const place = `${instancePath}/${missingProperty ?? ''}`
      return { place, copy: replaceAt(value, segmentsOf(place), 'stand-in') }
    }
    default:
      return { copy: value }
  }
}

function standInOf(type: unknown): unknown {
  if (type === 'object') return {}
  if (type === 'array') return []
  if (type === 'boolean') return false
  return type === 'number' || type === 'integer' ? 1 : 'stand-in'
}

function replaceAt(value: unknown, [first, ...rest]: readonly string[], replacement: unknown): unknown {
  if (first === undefined) return replacement
  if (Array.isArray(value)) return value.with(Number(first), replaceAt(value[Number(first)], rest, replacement))
  const object = value as Readonly<Record<string, unknown>>
  return { ...object, [first]: replaceAt(object[first], rest, replacement) }
}

/** RFC 6901 §4: `~1` before `~0`. */
function segmentsOf(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function hasAtMost(value: unknown, most: number): boolean {
  const rest: unknown[] = [value]
  for (let seen = 0; rest.length > 0; seen++) {
    const next = rest.pop()
    const children: readonly unknown[] = typeof next === 'object' && next !== null ? Object.values(next) : []
    if (seen + rest.length + children.length > most) return false
    rest.push(...children)
  }
  return true
}
