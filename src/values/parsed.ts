/** Result of parsing, which never throws: the value, or a description of the problem. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string }

export function parsed<T>(value: T): Parsed<T> {
  return { ok: true, value }
}

export function unreadable(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem }
}

/** Reads a comma list; blanks around items are dropped, an empty item is an error, a repeated one counts once. */
export function parseList<T>(text: string, parseItem: (item: string) => Parsed<T>): Parsed<readonly T[]> {
  const values: T[] = []
  for (const item of new Set(text.split(',').map((part) => part.trim()))) {
    if (item === '') return unreadable('has an empty item')
    const result = parseItem(item)
    if (!result.ok) return result
    values.push(result.value)
  }
  return parsed(values)
}

/** Reads one of a closed set of words. */
export function parseWord<T extends string>(words: readonly T[]): (text: string) => Parsed<T> {
  return (text) => {
    const word = words.find((candidate) => candidate === text)
    return word === undefined ? unreadable('is none of the accepted words') : parsed(word)
  }
}
