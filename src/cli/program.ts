/** Builds the program from its commands, and turns an error into one line and an exit code. */
import { Command, CommanderError } from 'commander'
import { AppError } from '../errors.ts'
import { version } from '../version.ts'
import { exitCodes, printExitCodes } from './exit-codes.ts'
import { ignoreClosedPipe, writeReport } from './terminal.ts'

const help = `
${printExitCodes()}
load and publish have more.

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
    await (await buildProgram(calledCommand(argv.slice(2)))).parseAsync(argv)
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
    description: 'explain the annotations, or one of them',
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
  load: {
    description: 'load a model onto a volume, as the environment says (the injected init container runs this)',
    load: async () => (await import('./load.ts')).loadCommand(),
  },
  version: {
    description: 'print the version, and what it runs on',
    load: async () => (await import('./print-version.ts')).versionCommand(),
  },
}

export const commandNames: readonly string[] = Object.keys(commands)

/** `inject` also of `help inject`, whose options are printed. */
function calledCommand([first, second]: readonly string[]): string | undefined {
  return first === 'help' ? second : first
}

/** All commands by name and description; the one of that name with its options, too. */
export async function buildProgram(name?: string): Promise<Command> {
  const program = new Command('model-injector')
    .description('Adds ML models to pods that ask for them with annotations.')
    .version(version)
    .showHelpAfterError('(--help shows the options and examples)')
    .exitOverride()
    .addHelpText('after', help)
  for (const [command, { description, load }] of Object.entries(commands)) {
    const made = command === name ? await load() : new Command(command)
    program.addCommand(made.description(description).copyInheritedSettings(program))
  }
  return program
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
