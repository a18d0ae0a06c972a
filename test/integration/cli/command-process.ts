/** Runs the command lines that it gets as messages, one after the other, each as if it had the process for itself. */
import { Readable } from 'node:stream'
import { run } from '../../../src/cli/program.ts'
import type { CommandLine } from './run-shared.ts'
import type { RunResult } from './run-cli.ts'

// The program adds a listener with every run.
for (const stream of [process.stdout, process.stderr]) stream.setMaxListeners(0)

process.on('message', (line: CommandLine) => {
  void answer(line).then((result) => process.send?.(result))
})

async function answer({ args, stdin, cwd, env }: CommandLine): Promise<RunResult> {
  process.chdir(cwd)
  Object.defineProperty(process, 'stdin', { value: Readable.from([Buffer.from(stdin)]), configurable: true })
  for (const name of Object.keys(process.env)) if (!(name in env)) Reflect.deleteProperty(process.env, name)
  Object.assign(process.env, env)
  process.exitCode = undefined
  const [stdout, stderr] = [captured(process.stdout), captured(process.stderr)]
  try {
    await run([process.execPath, 'model-injector', ...args])
    // Set where something was denied, or failed.
    const code = (process.exitCode as number | undefined) ?? 0
    return { code, stdout: stdout.text(), stderr: stderr.text() }
  } finally {
    stdout.end()
    stderr.end()
    process.exitCode = undefined
  }
}

function captured(stream: NodeJS.WriteStream): { text: () => string; end: () => void } {
  const write = stream.write.bind(stream)
  const chunks: Buffer[] = []
  stream.write = (chunk: string | Uint8Array, ...rest: readonly unknown[]) => {
    chunks.push(Buffer.from(chunk))
    const written = rest.findLast((argument) => typeof argument === 'function')
    if (written !== undefined) process.nextTick(written)
    return true
  }
  return {
    text: () => Buffer.concat(chunks).toString(),
    end: () => {
      stream.write = write
    },
  }
}
