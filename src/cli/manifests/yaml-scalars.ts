/**
 * The values of scalars as kubectl reads them: YAML 1.1 by https://github.com/yaml/go-yaml (v2, resolve.go), then JSON. Dates stay text, and
 * base 60 is none.
 */

export type ScalarValue = string | number | bigint | boolean | null

export type ReadScalar =
  | { readonly ok: true; readonly value: ScalarValue }
  | { readonly ok: false; readonly problem: string }

const words: ReadonlyMap<string, ScalarValue> = new Map([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map((word) => [word, true] as const),
  ...['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map((word) => [word, false] as const),
  ...['', '~', 'null', 'Null', 'NULL'].map((word) => [word, null] as const),
])

const specialFloats: ReadonlyMap<string, number> = new Map([
  ...['.nan', '.NaN', '.NAN'].map((word) => [word, Number.NaN] as const),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((word) => [word, Number.POSITIVE_INFINITY] as const),
  ...['-.inf', '-.Inf', '-.INF'].map((word) => [word, Number.NEGATIVE_INFINITY] as const),
])

const float = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/
const pointedFloat = /^\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?$/
const integer =
  /^(?<sign>[-+]?)(?:0[xX](?<hex>[0-9a-fA-F]+)|0[bB](?<binary>[01]+)|0[oO]?(?<octal>[0-7]+)|(?<decimal>0|[1-9][0-9]*))$/
const prefixes: Readonly<Record<string, string>> = { hex: '0x', binary: '0b', octal: '0o' }

/** All that a reader may take for something else than text, and a little more: such text needs quotes. */
export const looksLikeNumber = /^[-+]?\.?[0-9][0-9a-fA-FxXoObB_.eE+-]*$/

export function resolvePlain(text: string): ScalarValue {
  const word = words.get(text)
  if (word !== undefined) return word
  const special = specialFloats.get(text)
  if (special !== undefined) return special
  if (/^[-+0-9]/.test(text)) return numberOf(text.replaceAll('_', '')) ?? text
  // Here strconv.ParseFloat sees the underscores, which may stand between digits only.
  return pointedFloat.test(text) ? (finiteFloat(text.replaceAll('_', '')) ?? text) : text
}

function numberOf(plain: string): number | bigint | undefined {
  return integerOf(plain) ?? finiteFloat(plain)
}

const [least, greatest] = [-(2n ** 63n), 2n ** 64n - 1n]

/** No number may change because it was too long for JavaScript. */
function integerOf(plain: string): number | bigint | undefined {
  const groups = integer.exec(plain)?.groups
  if (groups === undefined) return undefined
  const { sign, ...bases } = groups as Readonly<Record<string, string | undefined>>
  const found = Object.entries(bases).find(([, digits]) => digits !== undefined)
  const magnitude = BigInt(`${prefixes[found?.[0] ?? ''] ?? ''}${found?.[1] ?? ''}`)
  return withinBounds(sign === '-' ? -magnitude : magnitude)
}

function withinBounds(value: bigint): number | bigint | undefined {
  if (value < least || value > greatest) return undefined
  return Number.isSafeInteger(Number(value)) ? Number(value) : value
}

function finiteFloat(plain: string): number | undefined {
  const value = float.test(plain) ? Number(plain) : Number.NaN
  return Number.isFinite(value) ? value : undefined
}

const standard = 'tag:yaml.org,2002:'

/** A scalar with an explicit tag; tags that are not known say nothing. */
export function resolveTagged(tag: string, text: string, isPlain: boolean): ReadScalar {
  switch (tag) {
    case `${standard}binary`:
      return binaryOf(text)
    case `${standard}bool`:
      return resolvedAs('bool', text, (value) => typeof value === 'boolean')
    case `${standard}null`:
      return resolvedAs('null', text, (value) => value === null)
    case `${standard}int`:
      return resolvedAs('int', text, (value) => isInteger(value, text))
    case `${standard}float`:
      return resolvedAs('float', text, (value) => typeof value === 'number' || typeof value === 'bigint')
    case `${standard}merge`:
    case '':
      return { ok: true, value: isPlain ? resolvePlain(text) : text }
    default:
      return { ok: true, value: text }
  }
}

function isInteger(value: ScalarValue, text: string): boolean {
  return typeof value === 'bigint' || (Number.isSafeInteger(value) && integer.test(text.replaceAll('_', '')))
}

function resolvedAs(word: string, text: string, accepts: (value: ScalarValue) => boolean): ReadScalar {
  const value = resolvePlain(text)
  return accepts(value) ? { ok: true, value } : { ok: false, problem: `${JSON.stringify(text)} is no !!${word}` }
}

function binaryOf(text: string): ReadScalar {
  const base64 = text.replaceAll(/[\r\n]/g, '')
  return base64.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(base64)
    ? { ok: true, value: Buffer.from(base64, 'base64').toString('utf8') }
    : { ok: false, problem: '!!binary has invalid base64' }
}

/** JSON has keys of text alone. Undefined for what kubectl refuses as a key. */
export function keyOf(value: unknown, text: string): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return String(value)
  if (typeof value === 'bigint') return value < 2n ** 63n ? String(value) : undefined
  if (typeof value !== 'number') return undefined
  return isInteger(value, text) ? String(value) : floatKey(value)
}

/** strconv.FormatFloat(value, 'g', -1, 32): the shortest text that is the same 32-bit float, with an exponent below -4 and from 6. */
function floatKey(value: number): string {
  if (Number.isNaN(value)) return '.nan'
  const single = Math.fround(value)
  if (!Number.isFinite(single)) return value < 0 ? '-.inf' : '.inf'
  if (single === 0) return Object.is(value, -0) ? '-0' : '0'
  const [mantissa = '', exponent = '0'] = shortestOf(single).split('e')
  return Number(exponent) < -4 || Number(exponent) >= 6
    ? `${mantissa}e${exponent.replace(/^([-+])(\d)$/, '$10$2')}`
    : inDecimals(mantissa, Number(exponent))
}

/** The fewest digits that name this 32-bit float, as `1.5e+3`. */
function shortestOf(single: number): string {
  for (let digits = 0; digits < 9; digits++) {
    const text = single.toExponential(digits)
    if (Math.fround(Number(text)) === single) return text
  }
  return single.toExponential(9)
}

function inDecimals(mantissa: string, exponent: number): string {
  const digits = mantissa.replace(/[-.]/g, '').length
  return Number(`${mantissa}e${exponent}`).toFixed(Math.max(0, digits - 1 - exponent))
}
