/** Cuts a file into its documents, as kubectl does before it reads any of them. Put together again, they are the file. */

/** A marker begins a document, unless nothing but comments and directives stand before it; `...` ends one. */
export function splitDocuments(text: string): readonly string[] {
  const pieces: string[] = []
  let [start, hasContent] = [0, false]
  const cut = (end: number): void => {
    pieces.push(text.slice(start, end))
    ;[start, hasContent] = [end, false]
  }
  for (let offset = 0; offset < text.length; ) {
    const newline = text.indexOf('\n', offset)
    const end = newline < 0 ? text.length : newline + 1
    const head = text.slice(offset, Math.min(end, offset + 4))
    if (/^---(?:\s|$)/.test(head)) {
      if (hasContent) cut(offset)
      hasContent = true
    } else if (/^\.\.\.(?:\s|$)/.test(head)) {
      if (hasContent) cut(end)
    } else if (!hasContent && !/^[ \t\r]*(?:[#%].*)?\n?$/.test(text.slice(offset, end))) {
      hasContent = true
    }
    offset = end
  }
  return withRest(pieces, text.slice(start), hasContent)
}

/** Comments after the last document are no document. */
function withRest(pieces: readonly string[], rest: string, hasContent: boolean): readonly string[] {
  if (rest === '') return pieces
  return hasContent || pieces.length === 0
    ? [...pieces, rest]
    : [...pieces.slice(0, -1), `${pieces.at(-1) ?? ''}${rest}`]
}
