/** Reads YAML as kubectl does, so that the core sees what the API server would see. */
import {
  isAlias,
  isNode,
  parseAllDocuments,
  stringify,
  visit,
  type Document,
  type LineCounter,
  type ScalarTag,
  type Tags,
} from 'yaml'
import { jsonText } from '../../values/json.ts'

export type ParsedDocument = Document.Parsed

/** An anchor may be used often, but a few nested ones must not grow into gigabytes. */
const maxAliasCount = 1000

const integerTag = 'tag:yaml.org,2002:int'
const literalTags: ReadonlySet<string> = new Set(
  ['map', 'seq', 'str', 'null', 'bool', 'int', 'float', 'merge'].map((name) => `tag:yaml.org,2002:${name}`),
)

/** `0o17` is an octal number for kubectl, although YAML 1.1 does not know it. */
const octal: ScalarTag = {
  identify: () => false,
  default: true,
  tag: integerTag,
  format: 'OCT',
  test: /^[-+]?0o[0-7]+$/,
  resolve: (text) => Number.parseInt(text.replace('0o', ''), 8),
}

/** No number may change because it was too long for JavaScript. */
const longInteger: ScalarTag = {
  identify: (value) => typeof value === 'bigint',
  default: true,
  tag: integerTag,
  test: /^[-+]?[1-9]\d{15,}$/,
  resolve: (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text.replace('+', ''))),
  stringify: ({ value }) => String(value),
}

/** YAML 1.1 (`yes` is true, `0644` is octal) without dates and base 60: https://github.com/kubernetes-sigs/yaml */
function tagsOfKubectl(tags: Tags): Tags {
  const kept = tags.filter(
    (tag) => typeof tag !== 'string' && literalTags.has(tag.tag) && (!('format' in tag) || tag.format !== 'TIME'),
  )
  return [octal, longInteger, ...kept]
}

const schema = { schema: 'yaml-1.1', merge: true, customTags: tagsOfKubectl } as const

export function parseDocuments(text: string, lineCounter?: LineCounter): readonly ParsedDocument[] {
  const options = {
    ...schema,
    stringKeys: true,
    keepSourceTokens: true,
    prettyErrors: false,
    ...(lineCounter && { lineCounter }),
  }
  return [...parseAllDocuments(text, options)]
}

/** The parser checks aliases only when their value is asked for, and then without a place. */
export function unresolvedAlias(
  document: ParsedDocument,
): { readonly offset: number; readonly name: string } | undefined {
  let found: { offset: number; name: string } | undefined
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) !== undefined) return undefined
      found = { offset: alias.range?.[0] ?? 0, name: alias.source }
      return visit.BREAK
    },
  })
  return found
}

export function plainValue(document: Document.Parsed, node: unknown = document.contents): unknown {
  if (!isNode(node)) return null
  // An alias of null has no JavaScript value of its own.
  return (isAlias(node) ? (node.resolve(document) ?? node) : node).toJS(document, { maxAliasCount }) as unknown
}

export interface YAMLStyle {
  readonly indent: number
  readonly indentSeq: boolean
}

/** Other readers take more words for numbers and dates than kubectl does. */
const quoting = { compat: 'yaml-1.1', lineWidth: 0, aliasDuplicateObjects: false } as const

/** Lists stand below their key as kubectl writes them; no line is folded. */
export const kubectlStyle: YAMLStyle = { indent: 2, indentSeq: false }

export function printYAML(value: unknown, style: YAMLStyle = kubectlStyle): string {
  return stringify(value, { ...schema, ...style, ...quoting })
}

/** One line, for a place between brackets. */
export function printFlow(value: unknown): string {
  return stringify(value, { ...schema, ...quoting, collectionStyle: 'flow' }).trimEnd()
}

export function printJSON(value: unknown, indent: string | number = 2): string {
  return jsonText(value, indent)
}
