/** `model-injector load`: the command of the injected init container. */
import { Command } from 'commander'
import { oneOf, parseSwitch, parseText, type Values } from '../flags/flags.ts'
import { withRemedyFor } from '../loader/credentials/remedies.ts'
import { endStuckProcess, withLimits } from '../loader/deadline.ts'
import { readTask, readVerifyTask, type LoadTask } from '../loader/environment.ts'
import { exits, failureLine, LoaderFailure } from '../loader/exit-codes.ts'
import { counted, formatSize } from '../loader/format-size.ts'
import { keepYoungHeapSmall } from '../loader/transfer/v8-flags.ts'
import { verifyMounted } from '../loader/verify/verify-mounted.ts'
import { jsonReport, textReport, writeTerminationMessage, type Report } from '../loader/report.ts'
import { parseDecimalSeconds } from '../values/duration.ts'
import { withFlags } from './flags.ts'

export const loadFlags = {
  verify: {
    term: '--verify',
    description: 'only check the model that is mounted at MODEL_ROOT; writes nothing',
    parse: parseSwitch,
  },
  log: { term: '--log <form>', description: 'lines for people, or JSON', ...oneOf(['text', 'json']), default: 'text' },
  terminationLog: {
    term: '--termination-log <file>',
    description: 'file in which the kubelet looks for the reason of a failure',
    parse: parseText,
    default: '/dev/termination-log',
  },
  startJitter: {
    term: '--start-jitter <seconds>',
    description: 'longest wait before listing; the length is random',
    parse: parseDecimalSeconds,
    default: '1',
  },
  allowInstanceProfile: {
    term: '--allow-instance-profile',
    description: 'on a host that builds images: without another identity, use the role of the EC2 instance',
    parse: parseSwitch,
  },
} as const

type LoadOptions = Values<typeof loadFlags, never>

const help = `
What to load comes from the environment alone. Without it, every variable that is missing is named.

Exit codes:
   0  the model is at its place
${Object.values(exits)
  .map(({ code, summary }) => `${String(code).padStart(4)}  ${summary}`)
  .join('\n')}

Examples:
  model-injector load
  model-injector load --log json
  model-injector load --allow-instance-profile
  model-injector load --verify`

export function loadCommand(): Command {
  const command = new Command('load').addHelpText('after', help)
  return withFlags(command, { flags: loadFlags, required: [] }, async (options) => {
    process.exitCode = await run(options)
  })
}

async function run(options: LoadOptions): Promise<number> {
  const report = options.log === 'json' ? jsonReport(process.stdout) : textReport(process.stdout)
  try {
    if (options.verify) return await verify(report)
    const task = { ...taskOf(process.env), allowInstanceProfile: options.allowInstanceProfile === true }
    ignoreHome(process.env)
    keepYoungHeapSmall()
    const { load } = await import('../loader/load.ts')
    const deps = { env: process.env, report, startJitterMs: options.startJitter * 1000 }
    const marker = await withLimits(task, (watch) => load(task, { ...deps, ...watch })).catch((error: unknown) => {
      throw error instanceof LoaderFailure ? withRemedyFor(error, task.credentials) : error
    })
    report.info(`ready: ${counted(marker.files, 'file')}, ${formatSize(marker.bytes)} at ${task.root}/${task.id}`)
    return 0
  } catch (error) {
    return fail(error, report, options)
  }
}

/** The AWS SDK reads settings from a home directory: none are injected, and it throws for a user without a home. */
export function ignoreHome(env: NodeJS.ProcessEnv): void {
  env.HOME ??= '/'
  env.AWS_CONFIG_FILE = '/dev/null'
  env.AWS_SHARED_CREDENTIALS_FILE = '/dev/null'
}

async function verify(report: Report): Promise<number> {
  const read = readVerifyTask(process.env)
  if (!read.ok) throw new LoaderFailure('InvalidEnvironment', read.problems.join(', '))
  const limits = { timeoutSeconds: read.task.timeoutSeconds, stallTimeoutSeconds: undefined }
  const { files, bytes } = await withLimits(limits, ({ signal }) => verifyMounted(read.task, { report, signal }))
  report.info(`${read.task.source.uri} is there: ${counted(files, 'file')}, ${formatSize(bytes)}`)
  return 0
}

function taskOf(env: NodeJS.ProcessEnv): LoadTask {
  const read = readTask(env)
  if (read.ok) return read.task
  throw new LoaderFailure('InvalidEnvironment', read.problems.join(', '))
}

function fail(error: unknown, report: Report, { terminationLog }: LoadOptions): number {
  const failure =
    error instanceof LoaderFailure
      ? error
      : new LoaderFailure('Bug', error instanceof Error ? error.message : String(error), { cause: error })
  const line = failureLine(failure)
  const { code } = exits[failure.exit]
  report.error(line, { exit: code })
  if (failure.exit === 'Bug' && error instanceof Error) report.error(error.stack ?? '')
  writeTerminationMessage(terminationLog, line)
  endStuckProcess(code)
  return code
}
