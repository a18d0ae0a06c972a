/** Wraps text to a width. */

/** Wraps between words. A word longer than the line stays in one piece, so that it can be copied. */
export function wrapText(text: string, width: number): string[] {
  return wrapWords(text.split(' '), width)
}

/** Wraps between words, and within words longer than the line, for columns of fixed width. */
export function wrapTextStrictly(text: string, width: number): string[] {
  return wrapWords(
    text.split(' ').flatMap((word) => piecesOf(word, width)),
    width,
  )
}

function wrapWords(words: readonly string[], width: number): string[] {
  const lines: string[] = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

function piecesOf(word: string, width: number): readonly string[] {
  if (word.length <= width) return [word]
  return Array.from({ length: Math.ceil(word.length / width) }, (_, i) => word.slice(i * width, (i + 1) * width))
}
