/** Which directories of a bucket may become directories of the volume. A name goes into paths, claims' subPaths and command lines. */
import { quote } from '../values/printable.ts'
import { parsed, unreadable, type Parsed } from '../values/parsed.ts'

const longestVersionName = 100

/** With the volume's own names: `versions/current` beside `current` would be taken for it, and `newest` is a word of --current. */
const reservedNames = ['current', 'newest']

export const versionForms = `letters, digits and . _ + - behind a letter or a digit, at most ${longestVersionName} characters`

export function parseVersionName(text: string): Parsed<string> {
  if (reservedNames.includes(text.toLowerCase())) return unreadable('is a word of its own here')
  if (text.length > longestVersionName) return unreadable(`has more than ${longestVersionName} characters`)
  return /^[0-9A-Za-z][\w.+-]*$/.test(text) ? parsed(text) : unreadable('is not the name of a version')
}

export function isVersionName(text: string): boolean {
  return parseVersionName(text).ok
}

/** `_temporary/`, `.work/`: who uploads keeps work in progress there, by the convention of Hadoop. */
export function isHiddenName(text: string): boolean {
  return /^[._]/.test(text) && text !== '.' && text !== '..'
}

/** In words, for the line that refuses them. */
export function describeUnsafe(names: readonly string[]): string {
  const shown = names.slice(0, 3).map(quote).join(', ')
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown
}
