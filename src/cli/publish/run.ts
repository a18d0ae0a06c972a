/** Common parts of both publish commands: output, signals and exit codes. */
import { oneOf, parseSwitch } from '../../flags/flags.ts'
import { exits, failureLine, LoaderFailure } from '../../loader/exit-codes.ts'
import { textReport, writeTerminationMessage, type Report } from '../../loader/report.ts'

export const outputFlag = {
  term: '-o, --output <format>',
  description: 'format (default: plain text)',
  ...oneOf(['json']),
} as const

export const dryRunFlag = {
  term: '--dry-run',
  description: 'only say what would be done',
  parse: parseSwitch,
} as const

export interface OutputOptions {
  readonly output?: 'json' | undefined
}

interface WorkContext {
  readonly report: Report
  /** Its reason is the failure that the command reports. */
  readonly signal: AbortSignal
}

const terminationLog = '/dev/termination-log'

/** With JSON output, log lines go to stderr. The work returns the exit code. */
export async function runWork(
  { output }: OutputOptions,
  work: (context: WorkContext) => Promise<number>,
): Promise<void> {
  const report = textReport(output === 'json' ? process.stderr : process.stdout)
  const ending = new AbortController()
  const terminate = (): void => {
    ending.abort(new LoaderFailure('Terminated', 'stopped on request'))
  }
  process.once('SIGTERM', terminate)
  process.once('SIGINT', terminate)
  try {
    process.exitCode = await work({ report, signal: ending.signal })
  } catch (error) {
    process.exitCode = fail(ending.signal.aborted ? ending.signal.reason : error, report)
  } finally {
    process.off('SIGTERM', terminate)
    process.off('SIGINT', terminate)
  }
}

function fail(error: unknown, report: Report): number {
  const failure =
    error instanceof LoaderFailure
      ? error
      : new LoaderFailure('Bug', error instanceof Error ? error.message : String(error), { cause: error })
  if (failure.exit === 'Bug' && error instanceof Error) report.error(error.stack ?? '')
  return end(failure, report)
}

/** Writes the last line of the log, also as the termination message that the kubelet shows. Returns the exit code. */
export function end(failure: LoaderFailure, report: Report): number {
  const line = failureLine(failure)
  report.error(line)
  writeTerminationMessage(terminationLog, line)
  return exits[failure.exit].code
}
