/** Tables of plain text, wrapped to the terminal, and of Markdown. */
import { columnGap, printRow } from '../values/print/text-table.ts'
import { wrapText } from '../values/print/wrap-text.ts'

/** The last column takes the room that is left; the others are wrapped if they would take more than their share. */
export function printTable(
  header: readonly string[] | undefined,
  rows: readonly (readonly string[])[],
  width: number,
): string {
  const all = header === undefined ? rows : [header, ...rows]
  const widths = columnWidths(all, width)
  return all
    .map((row) =>
      printRow(
        row.map((text, i) => wrapText(text, widths[i] ?? 0)),
        widths,
      ),
    )
    .join('')
}

const widestInnerColumn = 28

function columnWidths(rows: readonly (readonly string[])[], width: number): readonly number[] {
  const count = rows[0]?.length ?? 0
  const inner = Array.from({ length: count - 1 }, (_, i) =>
    Math.min(widestInnerColumn, Math.max(...rows.map((row) => row[i]?.length ?? 0))),
  )
  const taken = inner.reduce((sum, column) => sum + column + columnGap, 0)
  return [...inner, Math.max(20, width - taken)]
}

export function printMarkdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, header.map(() => '---'), ...rows.map((row) => row.map(escapeCell))]
  return lines.map((cells) => `| ${cells.join(' | ')} |\n`).join('')
}

/** `<id>` would be taken for HTML, and `*` for emphasis; what is code stays as it is. */
function escapeCell(text: string): string {
  return text.replace(/`[^`]*`|[|*<>[\]_]/g, (part) => (part.startsWith('`') ? part : `\\${part}`))
}
