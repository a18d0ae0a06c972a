/** Replacements in a text, and the lines and columns they are made at. */

export interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** Two insertions at one place keep the order of the list: that of the inner collection comes first. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  const pieces: string[] = []
  let done = 0
  for (const edit of [...edits].sort((a, b) => a.start - b.start)) {
    pieces.push(text.slice(done, Math.max(done, edit.start)), edit.text)
    done = Math.max(done, edit.end)
  }
  return [...pieces, text.slice(done)].join('')
}

export function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1
}

/** Start of the next line; a block scalar ends there already. */
export function nextLine(text: string, offset: number): number {
  if (offset > 0 && text[offset - 1] === '\n') return offset
  const newline = text.indexOf('\n', offset)
  return newline < 0 ? text.length : newline + 1
}

export function columnOf(text: string, offset: number): number {
  return offset - lineStart(text, offset)
}

/** The blanks at the beginning of the line. */
export function indentationOf(text: string, offset: number): string {
  return /^[ \t]*/.exec(text.slice(lineStart(text, offset), offset))?.[0] ?? ''
}

/** The blanks and line breaks before an offset. */
export function blanksBefore(text: string, offset: number): string {
  let start = offset
  while (start > 0 && /\s/.test(text[start - 1] ?? '')) start--
  return text.slice(start, offset)
}

/** All lines but the first, and none that is empty, get the indentation. */
export function indentRest(text: string, indentation: string): string {
  return text.replace(/\n(?=[^\n])/g, `\n${indentation}`)
}
