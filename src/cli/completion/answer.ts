/** Answers a shell, or kubectl, that asks for completions. */
import { complete, printCompletion } from './complete.ts'
import { readOutline } from './outline.ts'

export async function answerCompletion(words: readonly string[]): Promise<void> {
  process.stdout.write(printCompletion(complete(await readOutline(), words)))
}
