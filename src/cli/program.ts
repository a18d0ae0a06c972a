/** Builds the program from its commands, and turns an error into one line and an exit code. */
import { Command, CommanderError } from 'commander'
import { AppError } from '../errors.ts'
import { version } from '../version.ts'
import { ignoreClosedPipe, writeReport } from './terminal.ts'

const help = `
Exit codes:
  0  fine
  1  something was denied, or failed
  2  the command was not understood

Examples:
  model-injector inject -f deployment.yaml | kubectl apply -f -
  model-injector inject -f deployment.yaml --diff
  model-injector explain size
  model-injector check
  model-injector why my-app-7d4b9-x2x5k -n apps
  model-injector audit --fail-on tampered,missing`

export async function run(argv: readonly string[]): Promise<void> {
  ignoreClosedPipe()
  try {
    await (await buildProgram(argv[2])).parseAsync(argv)
  } catch (error) {
    process.exitCode = report(error)
  }
}

/**
 * Each command, imported with its dependencies only when it is called: the loader runs in every injected pod and has no
 * memory for the server's libraries (17 MB).
 */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./serve.ts')).serveCommand(),
  inject: async () => (await import('./inject.ts')).injectCommand(),
  uninject: async () => (await import('./uninject.ts')).uninjectCommand(),
  explain: async () => (await import('./explain.ts')).explainCommand(),
  render: async () => (await import('./render.ts')).renderCommand(),
  check: async () => (await import('./check.ts')).checkCommand(),
  why: async () => (await import('./why.ts')).whyCommand(),
  policy: async () => (await import('./policy.ts')).policyCommand(),
  audit: async () => (await import('./audit.ts')).auditCommand(),
  publish: async () => (await import('./publish.ts')).publishCommand(),
  load: async () => (await import('./load.ts')).loadCommand(),
}

/** Has one command, none for the version, or all if there is no command of that name, so that the help can list them. */
export async function buildProgram(name?: string): Promise<Command> {
  const program = new Command('model-injector')
    .description('Adds ML models to pods that ask for them with annotations.')
    .version(version)
    .showHelpAfterError('(--help shows the options and examples)')
    .exitOverride()
    .addHelpText('after', help)
  for (const make of commandsFor(name)) program.addCommand((await make()).copyInheritedSettings(program))
  return program
}

function commandsFor(name: string | undefined): readonly (() => Promise<Command>)[] {
  if (name === '--version' || name === '-V') return []
  const one = Object.entries(commands).find(([command]) => command === name)?.[1]
  return one === undefined ? Object.values(commands) : [one]
}

function report(error: unknown): number {
  // Commander has printed its own errors and the output of --help and --version.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  const isBug = !(error instanceof AppError)
  const text = isBug
    ? `this is a bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
    : error.message
  writeReport(`${text.replace(/^/gm, 'model-injector: ')}\n`)
  return 1
}
