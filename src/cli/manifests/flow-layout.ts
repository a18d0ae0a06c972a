/** Edits of maps and lists that are written between brackets: JSON, and YAML that looks like it. */
import { blanksBefore, indentationOf, indentRest, type Edit } from './edit.ts'
import { withNewlines, type Item, type ItemEditor, type YAMLSource } from './yaml-source.ts'
import { printFlow, printJSON } from './yaml.ts'

export function flowLayout(source: YAMLSource, items: readonly Item[]): ItemEditor {
  const { text } = source
  const last = items.at(-1)
  const gap = blanksBefore(text, last?.start ?? 0)
  const indentation = gap.includes('\n') ? gap.slice(gap.lastIndexOf('\n') + 1) : indentationOf(text, last?.start ?? 0)
  const separator = `,${gap === '' && !source.json ? ' ' : gap}`
  const print = (value: unknown): string =>
    last?.key === undefined ? printInline(source, value, indentation) : printEntry(source, value as object, indentation)
  return {
    remove: (indexes) => indexes.map((i) => removeItem(items, i, indexes)),
    replace: ({ value, end }, target) => {
      const start = value.range?.[0] ?? end
      const printed = printInline(source, target, indentationOf(text, start))
      return { start, end, text: text[start - 1] === ':' && !source.json ? ` ${printed}` : printed }
    },
    insert: (index, values) => {
      const before = items[index]
      if (before !== undefined) {
        return { start: before.end, end: before.end, text: values.map((value) => separator + print(value)).join('') }
      }
      const start = items[0]?.start ?? 0
      return { start, end: start, text: values.map((value) => print(value) + separator).join('') }
    },
  }
}

/** Includes the comma before the item, or the one after it if all items before are removed as well. */
function removeItem(items: readonly Item[], index: number, removed: readonly number[]): Edit {
  const item = items[index]
  const survivesBefore = items.some((_item, i) => i < index && !removed.includes(i))
  return survivesBefore
    ? { start: items[index - 1]?.end ?? 0, end: item?.end ?? 0, text: '' }
    : { start: item?.start ?? 0, end: items[index + 1]?.start ?? 0, text: '' }
}

function printEntry(source: YAMLSource, entry: object, indentation: string): string {
  const colon = source.json && source.jsonIndent === undefined ? ':' : ': '
  return Object.entries(entry)
    .map(
      ([key, value]) =>
        `${source.json ? JSON.stringify(key) : printFlow(key)}${colon}${printInline(source, value, indentation)}`,
    )
    .join('')
}

export function printInline(source: YAMLSource, value: unknown, indentation: string): string {
  if (!source.json) return printFlow(value)
  return withNewlines(source, indentRest(printJSON(value, source.jsonIndent ?? ''), indentation))
}
