/** Manifests with one value replaced by another that does not belong there, at every path. */

type Path = readonly (string | number)[]

interface Misfit {
  readonly name: string
  readonly value: unknown
}

/** More than anything of Kubernetes may have. */
export const hugeText = 'x'.repeat(1_000_000)

/** Nulls, values of other types, and what only YAML can write. */
export const misfits: readonly Misfit[] = [
  { name: 'null', value: null },
  { name: 'true', value: true },
  { name: 'zero', value: 0 },
  { name: 'a negative number', value: -1.5 },
  { name: 'a number that is no integer of JavaScript', value: 2n ** 70n },
  { name: 'not a number', value: Number.NaN },
  { name: 'infinity', value: Number.POSITIVE_INFINITY },
  { name: 'an empty text', value: '' },
  { name: 'a text', value: 'x' },
  { name: 'control characters', value: '\u0000\u001b[31m\n' },
  { name: 'half a character', value: '\ud800' },
  { name: 'an empty list', value: [] },
  { name: 'a list of null', value: [null] },
  { name: 'a list of lists', value: [[[]]] },
  { name: 'a list of objects', value: [{}, { name: null }, { name: 7 }] },
  { name: 'an empty object', value: {} },
  { name: 'an object of null', value: { '': null, name: null, key: null } },
  { name: 'numbers as keys', value: { 0: {}, 1: null, '-1': 'x' } },
  { name: 'the names of methods', value: { toString: 1, constructor: null, hasOwnProperty: 'x', length: -1 } },
]

/** Each path of a value, the value itself included. */
export function pathsOf(value: unknown, path: Path = []): readonly Path[] {
  const below =
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, item]) =>
          pathsOf(item, [...path, Array.isArray(value) ? Number(key) : key]),
        )
      : []
  return [path, ...below]
}

/** A copy with another value at the path. */
export function replaced(value: unknown, [key, ...rest]: Path, by: unknown): unknown {
  if (key === undefined) return by
  if (Array.isArray(value)) return value.map((item, i) => (i === key ? replaced(item, rest, by) : (item as unknown)))
  const object = value as Readonly<Record<string | number, unknown>>
  return { ...object, [key]: replaced(object[key], rest, by) }
}

/** A copy without what is at the path. */
export function withoutPath(value: unknown, path: Path): unknown {
  const key = path.at(-1)
  const parent = path
    .slice(0, -1)
    .reduce<unknown>((inner, step) => (inner as Record<string | number, unknown>)[step], value)
  if (key === undefined) return undefined
  const rest = Array.isArray(parent)
    ? parent.filter((_, i) => i !== key)
    : Object.fromEntries(Object.entries(parent as object).filter(([name]) => name !== String(key)))
  return replaced(value, path.slice(0, -1), rest)
}
