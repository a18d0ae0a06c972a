/** Matches patterns with `*` (any text, `/` too) and `?` (one character), anchored at both ends, case-sensitive. */
import { parsed, unreadable, type Parsed } from './parsed.ts'
import { controlCharacters } from './value-form.ts'

/**
 * Two cursors and one saved star: linear in practice and quadratic at worst. A regular expression made from
 * `*a*a*a*a*b` would backtrack for minutes, and patterns come from users.
 */
export function matchesPattern(pattern: string, text: string): boolean {
  let at = 0
  let starAt = -1
  let resumeAt = 0
  for (let i = 0; i < text.length; ) {
    const expected = pattern[at]
    if (expected === '*') {
      starAt = at++
      resumeAt = i
    } else if (expected === '?' || (expected !== undefined && expected === text[i])) {
      at++
      i++
    } else if (starAt >= 0) {
      at = starAt + 1
      i = ++resumeAt
    } else {
      return false
    }
  }
  while (pattern[at] === '*') at++
  return at === pattern.length
}

export function matchesAny(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => matchesPattern(pattern, text))
}

/** In a list, so without commas and blanks around it. */
export const keyPatternExpression = `[^/,\\s${controlCharacters}][^,${controlCharacters}]*`

/** Reads one pattern on an object key relative to its source. */
export function parseKeyPattern(text: string): Parsed<string> {
  if (/[\u0000-\u001f\u007f]/.test(text)) return unreadable('has a control character')
  if (text.startsWith('/')) return unreadable('starts with a slash, but keys are relative to the source')
  return parsed(text)
}
