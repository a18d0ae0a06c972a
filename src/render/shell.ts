/** Words of a shell script. */

/** As it is where the shell would leave it alone, else in single quotes. */
export function quoteWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

/** A command whose options stand on lines of their own. */
export function commandLine(command: string, options: readonly (readonly [name: string, ...values: readonly string[]])[]): string {
  return [command, ...options.map(([name, ...values]) => `  ${[name, ...values.map(quoteWord)].join(' ')}`)].join(' \\\n')
}
