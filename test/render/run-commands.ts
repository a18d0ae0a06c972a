/** Runs the command lines of the list in its argument, one after the other, and ends with the first that fails. */
import { run } from '../../src/cli/program.ts'

for (const args of JSON.parse(process.argv[2] ?? '[]') as string[][]) {
  await run([process.execPath, 'model-injector', ...args])
  if (process.exitCode !== undefined && process.exitCode !== 0) break
}
