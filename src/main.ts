#!/usr/bin/env -S node --disable-sigusr1
import { exitCodes } from './cli/exit-codes.ts'
import { wordsToComplete } from './cli/invocation.ts'

const oldestNode = 24

// Imported only then: an older Node ends in a syntax error of some module before any of our lines.
if (Number.parseInt(process.versions.node) < oldestNode) {
  process.stderr.write(`model-injector: needs Node ${oldestNode} or newer, and this is ${process.versions.node}\n`)
  process.exitCode = exitCodes.couldNotLook
} else {
  // A shell asks at every Tab key: what runs a command is not loaded.
  const words = wordsToComplete(process.argv)
  if (words === undefined) {
    const { run } = await import('./cli/program.ts')
    await run(process.argv)
  } else {
    const { answerCompletion } = await import('./cli/completion/answer.ts')
    await answerCompletion(words)
  }
}
