/** The exit codes of every command but `load` and `publish`, whose own table is in loader/exit-codes.ts. */
export const exitCodes = {
  good: 0,
  findings: 1,
  couldNotLook: 2,
  wrongUsage: 64,
  ourFault: 70,
} as const

type ExitName = keyof typeof exitCodes

/** 64 and 70 are those of sysexits.h(3), as `load` and `publish` have them. */
const exitMeanings: Readonly<Record<ExitName, string>> = {
  good: 'good, or nothing worse than warnings',
  findings: 'found what must not be: a denied pod, a failed check, a judgement of `--fail-on`',
  couldNotLook: 'could not look everywhere: a cluster, a file or a permission is missing',
  wrongUsage: 'the command line was not understood, and nothing was done',
  ourFault: 'a fault of model-injector: report it with the message',
}

/** In the order of their numbers. */
export function exitRows(): readonly (readonly [code: string, meaning: string])[] {
  const names = Object.keys(exitCodes) as ExitName[]
  return names.map((name) => [String(exitCodes[name]), exitMeanings[name]])
}

/** For the help of the commands. */
export function printExitCodes(): string {
  const lines = exitRows().map(([code, meaning]) => `  ${code.padEnd(2)}  ${meaning.replaceAll('`', '')}`)
  return ['Exit codes:', ...lines].join('\n')
}
