/**
 * The scripts that ask the program for completions; the build puts them into the program. They are our own: those of libraries
 * need the package bash-completion, pass what was typed through `eval`, so that the Tab key runs it, or complete no file names.
 */
import { readFile } from 'node:fs/promises'

export const shells = ['bash', 'zsh', 'fish'] as const

export async function readCompletionScript(shell: (typeof shells)[number]): Promise<string> {
  return readFile(new URL(`./scripts/completion.${shell}`, import.meta.url), 'utf8')
}
