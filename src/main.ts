#!/usr/bin/env -S node --disable-sigusr1
import { exitCodes } from './cli/exit-codes.ts'

const oldestNode = 24

// Imported only then: an older Node ends in a syntax error of some module before any of our lines.
if (Number.parseInt(process.versions.node) < oldestNode) {
  process.stderr.write(`model-injector: needs Node ${oldestNode} or newer, and this is ${process.versions.node}\n`)
  process.exitCode = exitCodes.couldNotLook
} else {
  const { run } = await import('./cli/program.ts')
  await run(process.argv)
}
