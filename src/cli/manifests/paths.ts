/** Paths of values in objects: as keys, as text in messages, and as patterns of tables. */

type JSONObject = Readonly<Record<string, unknown>>

/** The keys and list indexes that lead to a value. */
export type Path = readonly (string | number)[]

/** `spec.workerGroupSpecs[0].template`; keys that have dots stand in brackets. */
export function formatPath(path: Path): string {
  return path
    .map((key, i) => {
      if (typeof key === 'number' || /[.[\]/]/.test(key)) return `[${key}]`
      return i === 0 ? key : `.${key}`
    })
    .join('')
}

/** Every path of `object` that fits the pattern, as `spec.templates[]` or `spec.replicaSpecs.*.template`. */
export function matchingPaths(object: unknown, pattern: string): readonly Path[] {
  return segmentsOf(pattern).reduce<readonly Path[]>(
    (paths, segment) => paths.flatMap((path) => below(valueAt(object, path), segment).map((key) => [...path, key])),
    [[]],
  )
}

/** `spec.a[].b` as `spec`, `a`, `[]`, `b`. */
function segmentsOf(pattern: string): readonly string[] {
  return pattern
    .replaceAll('[]', '.[]')
    .split('.')
    .filter((segment) => segment !== '')
}

function below(value: unknown, segment: string): Path {
  if (segment === '[]') return Array.isArray(value) ? [...value.keys()] : []
  if (!isObject(value) || Array.isArray(value)) return []
  if (segment === '*') return Object.keys(value)
  return Object.hasOwn(value, segment) ? [segment] : []
}

export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, key) => (isObject(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined),
    value,
  )
}

export function isObject(value: unknown): value is JSONObject {
  return typeof value === 'object' && value !== null
}
