/** Names of versions: directories of the bucket that may become directories of the volume, subPaths and command line arguments. */
import { quote } from '../values/print/printable.ts'
import { parsed, unreadable, type Parsed } from '../values/parsed.ts'

const longestVersionName = 100

/** Names with a meaning: `versions/current` would be confused with `current`, and `newest` is a value of --current. */
const reservedNames = ['current', 'newest']

export const versionForms = `letters, digits and . _ + - after a letter or a digit, at most ${longestVersionName} characters`

export function parseVersionName(text: string): Parsed<string> {
  if (reservedNames.includes(text.toLowerCase())) return unreadable('is a word of its own here')
  if (text.length > longestVersionName) return unreadable(`has more than ${longestVersionName} characters`)
  return /^[0-9A-Za-z][\w.+-]*$/.test(text) ? parsed(text) : unreadable('is not the name of a version')
}

export function isVersionName(text: string): boolean {
  return parseVersionName(text).ok
}

/** `_temporary/`, `.work/`: uploads in progress, by the convention of Hadoop. */
export function isHiddenName(text: string): boolean {
  return /^[._]/.test(text) && text !== '.' && text !== '..'
}

/** Lists names for a warning. */
export function describeUnsafe(names: readonly string[]): string {
  const shown = names.slice(0, 3).map(quote).join(', ')
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown
}
