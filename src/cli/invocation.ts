/** The names under which the program can be called: on its own, or by kubectl as a plugin. */
import { basename } from 'node:path'

/** kubectl finds `kubectl model-injector` under this name: a dash would end the name of a plugin. */
const pluginFile = 'kubectl-model_injector'
/** kubectl runs it to complete the words after `kubectl model-injector`. */
export const pluginCompletionFile = 'kubectl_complete-model_injector'

/** As users type it, for usage lines and examples. */
export function programName(argv: readonly string[]): string {
  return basename(argv[1] ?? '') === pluginFile ? 'kubectl model-injector' : 'model-injector'
}

/** The words to complete, the last of which may be empty; undefined of a command line that asks for no completion. */
export function wordsToComplete(argv: readonly string[]): readonly string[] | undefined {
  if (basename(argv[1] ?? '') === pluginCompletionFile) return argv.slice(2)
  return argv[2] === '__complete' ? argv.slice(3) : undefined
}
