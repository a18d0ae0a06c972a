/**
 * Changes the text of a document to a new value with the fewest edits: comments, order, quotes, the spelling of numbers
 * and the width of every other line stay as they were.
 */
import { isDeepStrictEqual } from 'node:util'
import { applyEdits } from './edit.ts'
import { documentEdits } from './reconcile.ts'
import { styleOf } from './style.ts'
import { parseDocuments, printJSON, printYAML, unresolvedAlias, plainValue, type ParsedDocument } from './yaml.ts'

/**
 * The value of an alias or a merge key changes with its anchor. The next round finds that difference and writes the
 * value out, so that an edit changes no other place.
 */
const rounds = 4

/** Rewrites `text`, one document, so that its value is `target`. */
export function rewrite(text: string, target: unknown): string {
  const first = parseDocuments(text)
  const style = styleOf(text, first[0])
  let current = text
  for (let round = 0; round <= rounds; round++) {
    const parsed = parseOne(round === 0 ? first : parseDocuments(current))
    if (parsed === undefined) break
    if (isDeepStrictEqual(parsed.value, target)) return current
    current = applyEdits(current, documentEdits({ ...style, text: current, document: parsed.document }, target))
  }
  return reprint(text, target, style.json)
}

/** Undefined if an edit has broken it: a removed anchor that is still in use. */
function parseOne([document, ...rest]: readonly ParsedDocument[]):
  | { readonly document: ParsedDocument; readonly value: unknown }
  | undefined {
  const isBroken =
    document === undefined || rest.length > 0 || document.errors.length > 0 || unresolvedAlias(document) !== undefined
  return isBroken ? undefined : { document, value: plainValue(document) }
}

/** Prints the value without comments: the last resort for documents that edits cannot change. */
function reprint(text: string, target: unknown, json: boolean): string {
  if (json) return `${printJSON(target)}\n`
  const marker = /^\s*(?:#.*\n\s*)*---/.test(text) ? '---\n' : ''
  return marker + printYAML(target)
}
