/** Detects the style of a document, so that added lines look like the rest. */
import { isMap, isPair, isSeq, visit } from 'yaml'
import { columnOf } from './edit.ts'
import { kubectlStyle, type ParsedDocument, type YAMLStyle } from './yaml.ts'

export interface TextStyle extends YAMLStyle {
  readonly json: boolean
  /** Indentation of one level of JSON; undefined if all is on one line. */
  readonly jsonIndent: string | undefined
  readonly newline: '\n' | '\r\n'
}

export function styleOf(text: string, document: ParsedDocument | undefined): TextStyle {
  return {
    ...(document === undefined ? kubectlStyle : indentationStyle(text, document)),
    json: (document?.contents as { flow?: boolean } | null | undefined)?.flow === true,
    jsonIndent: /^\s*[{[][ \t]*\r?\n([ \t]+)/.exec(text)?.[1],
    newline: text.includes('\r\n') ? '\r\n' : '\n',
  }
}

/** As in the first map and the first list that stand below a key. */
function indentationStyle(text: string, document: ParsedDocument): YAMLStyle {
  let indent: number | undefined
  let indentSeq: boolean | undefined
  visit(document, {
    Pair: (_key, pair) => {
      const depth = depthBelowKey(text, pair)
      if (depth === undefined) return undefined
      if (isSeq(pair.value)) indentSeq ??= depth > 0
      else if (depth > 0) indent ??= depth
      return indent !== undefined && indentSeq !== undefined ? visit.BREAK : undefined
    },
  })
  // The library indents lists by two columns less than maps, which looks right only if those are two.
  return indentSeq === true ? { indent: indent ?? kubectlStyle.indent, indentSeq } : kubectlStyle
}

function depthBelowKey(text: string, pair: unknown): number | undefined {
  if (!isPair(pair)) return undefined
  const { key, value } = pair as { key: { range?: readonly number[] }; value: unknown }
  const keyStart = key.range?.[0]
  if (!(isMap(value) || isSeq(value)) || value.flow === true || keyStart === undefined || !value.range) return undefined
  return columnOf(text, value.range[0]) - columnOf(text, keyStart)
}
