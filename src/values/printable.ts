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
 * Writes out what a terminal would obey or hide: control characters, and those that turn or blank the text around them.
 * Names and keys of a manifest are in messages, too, and on the command line no API server has checked them before.
 */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
