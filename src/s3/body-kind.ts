/** Describes the body of an answer that is not the expected one. */
import { quote } from '../values/print/printable.ts'

/** Describes a text as part of a sentence, with its beginning. */
export function describeBody(text: string, contentEncoding?: string): string {
  const begin = text.trim().slice(0, 200)
  if (begin === '') return 'an empty body'
  // A compressed body starts with bytes that no text has.
  if (/^[\u0000-\u0008\uFFFD]|^.\uFFFD/.test(begin)) {
    return `bytes (content-encoding ${quote(contentEncoding ?? 'none')})`
  }
  return `${kindOf(begin, rootOf(text))}: ${quote(begin)}`
}

/** The name of the first element; undefined where the text is no XML. */
export function rootOf(text: string): string | undefined {
  return /^\s*(?:<\?[^>]*\?>\s*|<!--(?:(?!-->)[^])*-->\s*)*<([A-Za-z_][\w.:-]*)/.exec(text)?.[1]
}

function kindOf(begin: string, root: string | undefined): string {
  if (/^<!doctype html|^<html/i.test(begin) || root?.toLowerCase() === 'html') return 'a web page (HTML)'
  if (root !== undefined) return `XML of another kind (${root})`
  return /^[{[]/.test(begin) ? 'JSON' : 'text'
}
