/** Puts the commands together, and turns what they throw into one line and an exit code. */
import { Command, CommanderError } from 'commander'
import { AppError } from '../errors.ts'
import { version } from '../version.ts'
import { explainCommand } from './explain.ts'
import { injectCommand } from './inject.ts'
import { loadCommand } from './load.ts'
import { serveCommand } from './serve.ts'
import { ignoreClosedPipe, writeReport } from './terminal.ts'
import { uninjectCommand } from './uninject.ts'

const help = `
Exit codes:
  0  fine
  1  something was denied, or failed
  2  the command was not understood

Examples:
  model-injector inject -f deployment.yaml | kubectl apply -f -
  model-injector inject -f deployment.yaml --diff
  model-injector explain size`

export async function run(argv: readonly string[]): Promise<void> {
  ignoreClosedPipe()
  try {
    await buildProgram().parseAsync(argv)
  } catch (error) {
    process.exitCode = report(error)
  }
}

export function buildProgram(): Command {
  const program = new Command('model-injector')
    .description('Brings ML models into pods that ask for them with annotations.')
    .version(version)
    .showHelpAfterError('(--help shows the options and examples)')
    .exitOverride()
    .addHelpText('after', help)
  for (const command of [serveCommand(), injectCommand(), uninjectCommand(), explainCommand(), loadCommand()]) {
    program.addCommand(command.copyInheritedSettings(program))
  }
  return program
}

function report(error: unknown): number {
  // Commander has printed its own errors, and what was asked for with --help or --version.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  const isBug = !(error instanceof AppError)
  const text = isBug ? `this is a bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}` : error.message
  writeReport(`${text.replace(/^/gm, 'model-injector: ')}\n`)
  return 1
}
