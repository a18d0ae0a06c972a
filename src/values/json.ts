/** JSON of values that YAML may have made: a manifest may have integers that are too long for JavaScript, and no number may change. */

/** Newer than the library's types: https://github.com/tc39/proposal-json-parse-with-source */
const { rawJSON } = JSON as typeof JSON & { rawJSON: (text: string) => unknown }

/** Without a replacer, which takes several times as long, wherever that can be. */
export function jsonText(value: unknown, indent?: string | number): string {
  try {
    return JSON.stringify(value, undefined, indent)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return JSON.stringify(value, (_key, item: unknown) => jsonItem(item), indent)
  }
}

/** For a replacer of its own. */
export function jsonItem(item: unknown): unknown {
  return typeof item === 'bigint' ? rawJSON(String(item)) : item
}

const mark = '\u0000integer '

/** A copy for what knows JSON alone; `withLongIntegers` gives the value back. */
export function withoutLongIntegers(value: unknown): unknown {
  return mapped(value, (item) => (typeof item === 'bigint' ? mark + String(item) : item))
}

export function withLongIntegers(value: unknown): unknown {
  return mapped(value, (item) =>
    typeof item === 'string' && item.startsWith(mark) ? BigInt(item.slice(mark.length)) : item,
  )
}

function mapped(value: unknown, change: (item: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => mapped(item, change))
  if (typeof value !== 'object' || value === null) return change(value)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapped(item, change)]))
}
