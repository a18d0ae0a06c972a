/** Text in lines of a width. */

/** Wraps between words. A word that is longer than the line stays whole: it is there to be copied. */
export function wrapText(text: string, width: number): string[] {
  return wrapWords(text.split(' '), width)
}

/** Wraps between words, and within those that are longer than the line: columns stand where the line ends. */
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
