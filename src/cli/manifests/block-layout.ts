/** Edits of maps and lists that are written line by line. */
import { isAlias } from 'yaml'
import { columnOf, indentRest, lineStart, nextLine, type Edit } from './edit.ts'
import { replaceText, withNewlines, type Item, type ItemEditor, type YAMLSource } from './yaml-source.ts'
import { printYAML } from './yaml.ts'

export function blockMapLayout(source: YAMLSource, items: readonly Item[]): ItemEditor {
  const column = columnOf(source.text, items.at(-1)?.start ?? 0)
  return {
    remove: (indexes) => removePairs(source, items, indexes),
    replace: (item, target) => {
      const printed = printBlock(source, { key: target }, column).slice('key:'.length)
      return replaceText(source, item, `${source.text.slice(item.start, item.key?.end)}:${anchorOf(item)}${printed}`)
    },
    insert: (index, values) =>
      insertLines(source, items[index]?.end ?? 0, printLines(source, Object.assign({}, ...values), column)),
  }
}

/** If the first key, which follows the dash of a list item, is removed, the first remaining key takes its place. */
function removePairs(source: YAMLSource, items: readonly Item[], indexes: readonly number[]): Edit[] {
  const first = items[0]?.start ?? 0
  const survivor = items.findIndex((_item, i) => !indexes.includes(i))
  if (survivor === 0 || !isBehindText(source, first)) return removeLines(source, items, indexes)
  const leading = { start: first, end: items[survivor]?.start ?? first, text: '' }
  return [
    leading,
    ...removeLines(
      source,
      items,
      indexes.filter((i) => i > survivor),
    ),
  ]
}

/** An alias elsewhere may still need the anchor. */
function anchorOf({ value }: Item): string {
  return isAlias(value) || !('anchor' in value) || typeof value.anchor !== 'string' ? '' : ` &${value.anchor}`
}

export function blockSeqLayout(source: YAMLSource, items: readonly Item[]): ItemEditor {
  const first = items[0]?.start ?? 0
  const column = columnOf(source.text, first)
  return {
    remove: (indexes) => (isBehindText(source, first) ? undefined : removeLines(source, items, indexes)),
    replace: (item, target) => replaceText(source, item, printBlock(source, [target], column)),
    insert: (index, values) => {
      const lines = printLines(source, values, column)
      const before = items[index]
      if (before !== undefined) return insertLines(source, before.end, lines)
      const start = startOfComments(source.text, first)
      return { start, end: start, text: lines }
    },
  }
}

/** Comments above an item belong to it. */
function startOfComments(text: string, offset: number): number {
  let start = lineStart(text, offset)
  while (
    start > 0 &&
    text
      .slice(lineStart(text, start - 1), start)
      .trimStart()
      .startsWith('#')
  ) {
    start = lineStart(text, start - 1)
  }
  return start
}

function isBehindText({ text }: YAMLSource, offset: number): boolean {
  return text.slice(lineStart(text, offset), offset).trim() !== ''
}

function removeLines({ text }: YAMLSource, items: readonly Item[], indexes: readonly number[]): Edit[] {
  return indexes.flatMap((i) => {
    const item = items[i]
    return item === undefined ? [] : [{ start: lineStart(text, item.start), end: nextLine(text, item.end), text: '' }]
  })
}

function insertLines({ text, newline }: YAMLSource, after: number, lines: string): Edit {
  const start = nextLine(text, after)
  const isOpenEnd = start > 0 && text[start - 1] !== '\n'
  return { start, end: start, text: isOpenEnd ? newline + lines.slice(0, -newline.length) : lines }
}

function printLines(source: YAMLSource, value: unknown, column: number): string {
  return `${' '.repeat(column)}${printBlock(source, value, column)}${source.newline}`
}

/** Without the line break at its end; the first line is meant for where the text stands already. */
export function printBlock(source: YAMLSource, value: unknown, column: number): string {
  const printed = printYAML(value, source).replace(/\n$/, '')
  return withNewlines(source, indentRest(printed, ' '.repeat(column)))
}
