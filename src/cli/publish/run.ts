/** Common parts of both publish commands: output, signals and exit codes. */
import { oneOf, parseSwitch } from '../../flags/flags.ts'
import { endStuckProcess, withLimits, type Watch } from '../../loader/deadline.ts'
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

interface WorkContext extends Watch {
  readonly report: Report
}

/** A run by hand or of a Job has its deadline from elsewhere. */
const limits = { timeoutSeconds: undefined, stallTimeoutSeconds: 120 }

const terminationLog = '/dev/termination-log'

/** With JSON output, log lines go to stderr. The work returns the exit code. */
export async function runWork(
  { output }: OutputOptions,
  work: (context: WorkContext) => Promise<number>,
): Promise<void> {
  const report = textReport(output === 'json' ? process.stderr : process.stdout)
  try {
    process.exitCode = await withLimits(limits, (watch) => work({ ...watch, report }))
  } catch (error) {
    process.exitCode = fail(error, report)
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
  const { code } = exits[failure.exit]
  endStuckProcess(code)
  return code
}
