/** Finds the known word for "Did you mean", if one is near enough to a misspelt word. */
import { closest, distance } from 'fastest-levenshtein'

export function nearest<T extends string>(text: string, words: readonly T[]): T | undefined {
  // A hostile key may be long, and the distance takes time that grows with both lengths.
  if (text.length > 64 || words.length === 0) return undefined
  const word = closest(text, words) as T
  return distance(text, word) <= Math.max(2, Math.floor(word.length / 3)) ? word : undefined
}

/** Follows a sentence about a word that is not known, after `link`; empty if none of the known ones is near. */
export function suggestion(word: string, known: readonly string[], link: ', ' | '; ' = ', '): string {
  const near = nearest(word, known)
  return near === undefined ? '' : `${link}did you mean ${near}?`
}
