/** Sanitises untrusted text for logs and terminals: manifests, object keys and server responses may hold control sequences. */

/** Quotes an untrusted value: no control character reaches a terminal or a log line, 120 characters at most. */
export function quote(text: string): string {
  const cut = text.length > 120 ? `${text.slice(0, 117)}...` : text
  return printable(JSON.stringify(cut))
}

/** Joins names with commas up to the limit of a message. The rest is not counted: there may be very many. */
export function enumerate(names: Iterable<string>, longest = 500): string {
  let text = ''
  for (const name of names) {
    if (text.length + name.length > longest) return `${text} and more`
    text += text === '' ? name : `, ${name}`
  }
  return text
}

/** Cuts to a number of characters, the mark of the cut included. */
export function shorten(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 3).toWellFormed()}...`
}

/**
 * Characters that a terminal would execute, hide or reverse: control and format characters, line separators, invisible characters
 * (variation selectors, fillers, tags: text can hide in them), and unassigned code points.
 */
const unprintable = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu

/** Escapes unprintable characters. Names of manifest files get here, too, and no API server has checked those. */
export function printable(text: string): string {
  return text.replace(unprintable, escape)
}

/** Writes untrusted text as one line: white space of every kind becomes a space, and the rest is escaped. */
export function singleLine(text: string): string {
  return printable(text.replace(/\s+/g, ' ').trim())
}

function escape(character: string): string {
  const digits = (character.codePointAt(0) ?? 0).toString(16)
  return digits.length > 4 ? `\\u{${digits}}` : `\\u${digits.padStart(4, '0')}`
}
