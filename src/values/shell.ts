/** Formats commands for a shell. */

/** Quotes a word with single quotes if needed. */
export function quoteWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

type Option = readonly [name: string, ...values: readonly string[]]

/** Formats a command with each option on its own line. */
export function commandLine(command: string, options: readonly Option[]): string {
  return [command, ...options.map((option) => `  ${optionWords(option)}`)].join(' \\\n')
}

export function commandInOneLine(command: string, options: readonly Option[]): string {
  return [command, ...options.map(optionWords)].join(' ')
}

function optionWords([name, ...values]: Option): string {
  return [name, ...values.map(quoteWord)].join(' ')
}
