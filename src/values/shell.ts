/** Words of a shell script. */

/** As it is where the shell would leave it alone, else in single quotes. */
export function quoteWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

type Option = readonly [name: string, ...values: readonly string[]]

/** A command whose options stand on lines of their own. */
export function commandLine(command: string, options: readonly Option[]): string {
  return [command, ...options.map((option) => `  ${optionWords(option)}`)].join(' \\\n')
}

export function commandInOneLine(command: string, options: readonly Option[]): string {
  return [command, ...options.map(optionWords)].join(' ')
}

function optionWords([name, ...values]: Option): string {
  return [name, ...values.map(quoteWord)].join(' ')
}
