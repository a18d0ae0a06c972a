/** The command lines of ours that the pages show, split as a shell would. */
import type { Block } from './markdown.ts'

export interface Invocation {
  readonly line: number
  /** Without the name of the program. */
  readonly args: readonly string[]
}

/** In `sh` every line, in `console` those after a prompt. */
export function invocationsOf({ language, text, line }: Block): readonly Invocation[] {
  const prompt = language === 'console' ? '$ ' : ''
  return logicalLines(text)
    .filter(({ command }) => command.startsWith(prompt))
    .flatMap(({ at, command }) =>
      splitCommands(command.slice(prompt.length)).map(([name, ...args]) => ({ name, args, line: line + 1 + at })),
    )
    .filter(({ name }) => name === 'model-injector')
    .map(({ args, line }) => ({ line, args }))
}

/** With lines joined that end in a backslash. */
function logicalLines(text: string): readonly { readonly at: number; readonly command: string }[] {
  const lines = text.split('\n')
  return lines.flatMap((_line, at) => {
    if (lines[at - 1]?.endsWith('\\') === true) return []
    const end = lines.findIndex((line, i) => i >= at && !line.endsWith('\\'))
    return {
      at,
      command: lines
        .slice(at, end + 1)
        .map((line) => line.replace(/\\$/, ' '))
        .join(''),
    }
  })
}

/** The words of each command of a line; comments and redirections are left out, expansions are none of the pages' business. */
export function splitCommands(line: string): readonly (readonly string[])[] {
  const plain = line.replace(/(?:^|\s)#.*$/, '').replaceAll(/\d?>>?\s*\S+/g, ' ')
  const tokens = [...plain.matchAll(/(?:'[^']*'|"[^"]*"|[^\s|&;'"])+|[|&;]+/g)].map(([token]) => token)
  const commands: string[][] = [[]]
  for (const token of tokens) {
    if (/^[|&;]/.test(token)) commands.push([])
    else commands.at(-1)?.push(token.replaceAll(/['"]/g, ''))
  }
  return commands.filter((words) => words.length > 0)
}
