/** Builds the program from its commands, and turns an error into one line and an exit code. */
import { Command, CommanderError } from 'commander'
import { AppError } from '../errors.ts'
import { version } from '../version.ts'
import { exitCodes, printExitCodes } from './exit-codes.ts'
import { printTopics } from './help/topic-names.ts'
import { programName } from './invocation.ts'
import { ignoreClosedPipe, terminalWidth, writeReport } from './terminal.ts'

const help = `
${printExitCodes()}
load and publish have more.

${printTopics()}

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
    const program = await buildProgram(...calledCommands(argv.slice(2)))
    fitHelp(program.name(programName(argv)), program.name())
    await program.parseAsync(argv)
  } catch (error) {
    process.exitCode = report(error)
  }
}

interface CommandEntry {
  readonly description: string
  /** Makes the command but for its description. */
  readonly load: () => Promise<Command>
}

/**
 * Each command, imported with its dependencies only when it is called: the loader runs in every injected pod and has no
 * memory for the server's libraries (17 MB), and loading all of them takes a second of CPU.
 */
const commands: Readonly<Record<string, CommandEntry>> = {
  serve: {
    description: 'serve the admission webhook over HTTPS, and health and metrics on a plain port',
    load: async () => (await import('./serve.ts')).serveCommand(),
  },
  inject: {
    description: 'add to manifests the parts that the webhook adds to their pods',
    load: async () => (await import('./inject.ts')).injectCommand(),
  },
  uninject: {
    description: 'remove from manifests the parts that inject or the webhook added',
    load: async () => (await import('./uninject.ts')).uninjectCommand(),
  },
  explain: {
    description: 'explain the annotations, or one of them, or a reason',
    load: async () => (await import('./explain.ts')).explainCommand(),
  },
  render: {
    description: 'print the companion resources of pods: roles, claims, volumes, node pools, image builds',
    load: async () => (await import('./render.ts')).renderCommand(),
  },
  check: {
    description:
      'check the installation in a cluster, what a delivery needs in a namespace, or what a service account may read; and suggest fixes',
    load: async () => (await import('./check.ts')).checkCommand(),
  },
  why: {
    description: 'say why a pod gets its model, or why it does not',
    load: async () => (await import('./why.ts')).whyCommand(),
  },
  policy: {
    description: "try the operator's policy on pods before it is in force",
    load: async () => (await import('./policy.ts')).policyCommand(),
  },
  audit: {
    description: 'say which model is in which pod, and which pods are not as they should be',
    load: async () => (await import('./audit.ts')).auditCommand(),
  },
  publish: {
    description: 'publish versions of a model from S3 to a shared volume, and prune old ones',
    load: async () => (await import('./publish.ts')).publishCommand(),
  },
  completion: {
    description: 'print the script that completes commands, options and values in a shell',
    load: async () => (await import('./completion.ts')).completionCommand(),
  },
  load: {
    description: 'load a model onto a volume, as the environment says (the injected init container runs this)',
    load: async () => (await import('./load.ts')).loadCommand(),
  },
  version: {
    description: 'print the version, and what it runs on',
    load: async () => (await import('./print-version.ts')).versionCommand(),
  },
  help: {
    description: 'show the help of a command, or of a topic',
    load: async () => (await import('./help.ts')).helpCommand(descriptions()),
  },
}

function descriptions(): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(commands).map(([name, { description }]) => [name, description]))
}

export const commandNames: readonly string[] = Object.keys(commands)

/** `inject` also of `help inject`, whose options are printed. */
function calledCommands([first, second]: readonly string[]): readonly (string | undefined)[] {
  return first === 'help' ? [first, second] : [first]
}

/** All commands with their options. */
export async function buildWholeProgram(): Promise<Command> {
  return buildProgram(...commandNames)
}

/** All commands by name and description; those of these names with their options, too. */
export async function buildProgram(...called: readonly (string | undefined)[]): Promise<Command> {
  const program = new Command('model-injector')
    .description('Adds ML models to pods that ask for them with annotations.')
    .version(version)
    .showHelpAfterError('(--help shows the options and examples)')
    .exitOverride()
    .helpCommand(false)
    .addHelpText('after', help)
  for (const [command, { description, load }] of Object.entries(commands)) {
    const made = called.includes(command) ? await load() : new Command(command)
    program.addCommand(made.description(description).copyInheritedSettings(program))
  }
  return program
}

/** Usage lines and examples begin with the name by which the program was called; lines are as wide as the terminal. */
function fitHelp(command: Command, name: string): void {
  // A command that is not loaded knows none of its arguments.
  const terms = command.parent === null ? { subcommandTerm: (below: Command) => below.name() } : {}
  command.configureHelp({ minWidthToWrap: 20, ...terms }).configureOutput({
    writeOut: (text) => process.stdout.write(text.replace(/(?<=^ {2}|[|(] ?)model-injector (?=[a-z])/gm, `${name} `)),
    getOutHelpWidth: terminalWidth,
    getErrHelpWidth: terminalWidth,
  })
  for (const below of command.commands) fitHelp(below, name)
}

function report(error: unknown): number {
  // Commander has printed its own errors and the output of --help and --version.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.good : exitCodes.wrongUsage
  const isBug = !(error instanceof AppError)
  const text = isBug
    ? `this is a bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
    : error.message
  writeReport(`${text.replace(/^/gm, 'model-injector: ')}\n`)
  return isBug ? exitCodes.ourFault : exitCodes.couldNotLook
}
