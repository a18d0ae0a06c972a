/** Words of others in messages of ours: manifests, object keys and answers of servers may hold what a terminal would obey. */

/** Quotes a value that somebody else wrote: no control character reaches a terminal or a log line, 120 characters at most. */
export function quote(text: string): string {
  const cut = text.length > 120 ? `${text.slice(0, 117)}...` : text
  return printable(JSON.stringify(cut))
}

/** Names with commas between them, as many as a message has room for. The rest is not even counted: it may be a pod full. */
export function enumerate(names: Iterable<string>, longest = 500): string {
  let text = ''
  for (const name of names) {
    if (text.length + name.length > longest) return `${text} and more`
    text += text === '' ? name : `, ${name}`
  }
  return text
}

/** At most so many characters, the mark of a cut included. */
export function shorten(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 3).toWellFormed()}...`
}

/**
 * All that a terminal would obey, hide or turn around: control and format characters, separators of lines, characters that no
 * font shows (variation selectors, fillers, tags: text can hide in them), and code points without a character.
 */
const unprintable = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu

/** Writes out what is not printable. Names of a manifest are in messages, too, and no API server has checked a file. */
export function printable(text: string): string {
  return text.replace(unprintable, escape)
}

function escape(character: string): string {
  const digits = (character.codePointAt(0) ?? 0).toString(16)
  return digits.length > 4 ? `\\u{${digits}}` : `\\u${digits.padStart(4, '0')}`
}
