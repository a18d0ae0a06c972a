/**
 * Changes the text of a document so that it says something else, and nothing but what has to change: comments, order,
 * quotes, the spelling of numbers and the width of every other line stay as somebody wrote them.
 */
import { isDeepStrictEqual } from 'node:util'
import { applyEdits } from './edit.ts'
import { documentEdits } from './reconcile.ts'
import { styleOf } from './style.ts'
import { parseDocuments, printJSON, printYAML, unresolvedAlias, valueOf, type ParsedDocument } from './yaml.ts'

/**
 * What an alias or a merge key shows changes with its anchor. The next round finds it different from what is wanted
 * there and writes it out, so that an edit never reaches another place.
 */
const rounds = 4

/** `text` is one document, which says `wanted` in the end. */
export function rewrite(text: string, wanted: unknown): string {
  const style = styleOf(text, parseDocuments(text)[0])
  let current = text
  for (let round = 0; round <= rounds; round++) {
    const parsed = parseOne(current)
    if (parsed === undefined) break
    if (isDeepStrictEqual(parsed.value, wanted)) return current
    current = applyEdits(current, documentEdits({ ...style, text: current, document: parsed.document }, wanted))
  }
  return reprint(text, wanted, style.json)
}

/** Undefined if an edit has broken it: a removed anchor that is still in use. */
function parseOne(text: string): { readonly document: ParsedDocument; readonly value: unknown } | undefined {
  const [document, ...rest] = parseDocuments(text)
  const isBroken =
    document === undefined || rest.length > 0 || document.errors.length > 0 || unresolvedAlias(document) !== undefined
  return isBroken ? undefined : { document, value: valueOf(document) }
}

/** Right, but without comments: the last resort for documents that no careful edit can change. */
function reprint(text: string, wanted: unknown, json: boolean): string {
  if (json) return `${printJSON(wanted)}\n`
  const marker = /^\s*(?:#.*\n\s*)*---/.test(text) ? '---\n' : ''
  return marker + printYAML(wanted)
}
