/** Words of others in messages of ours: manifests, object keys and answers of servers may hold what a terminal would obey. */

/** Quotes a value that somebody else wrote: no control character reaches a terminal or a log line, 120 characters at most. */
export function quote(text: string): string {
  const cut = text.length > 120 ? `${text.slice(0, 117)}...` : text
  return printable(JSON.stringify(cut))
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
