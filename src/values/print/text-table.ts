/** Rows of a table as plain text. */

/** Blanks between columns. */
export const columnGap = 2

/** A cell is its lines, already no wider than its column; a longer one moves what follows it to the right. */
export type Cell = readonly string[]

/** `paint` colours the text of a column, not the blanks around it. */
export function printRow(
  cells: readonly Cell[],
  widths: readonly number[],
  paint: (text: string, column: number) => string = (text) => text,
): string {
  const height = Math.max(...cells.map(({ length }) => length))
  return Array.from({ length: height }, (_, line) => printLine(cells, line, widths, paint)).join('')
}

function printLine(
  cells: readonly Cell[],
  line: number,
  widths: readonly number[],
  paint: (text: string, column: number) => string,
): string {
  let printed = ''
  let blanks = 0
  for (const [column, cell] of cells.entries()) {
    const text = cell[line] ?? ''
    const width = widths[column] ?? 0
    if (text !== '') printed += ' '.repeat(blanks) + paint(text, column)
    const rest = Math.max(0, width - displayWidth(text)) + columnGap
    blanks = text === '' ? blanks + rest : rest
  }
  return `${printed}\n`
}

/** Columns that a terminal takes: two for the letters of East Asia, none for marks. Other wide ones are two units of text. */
function displayWidth(text: string): number {
  return isLatin.test(text) ? text.length : text.length + countOf(text, wide) - countOf(text, marks)
}

const isLatin = /^[\u0020-\u02ff]*$/
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]/g
const marks = /\p{Mn}/gu

function countOf(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0
}
