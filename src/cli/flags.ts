/** Flags as options of a command. */
import { Option, type Command } from 'commander'
import { nearest } from '../nearest.ts'
import { quote } from '../values/print/printable.ts'
import { parseFlags, type Flag, type Flags, type Values } from '../flags/flags.ts'

/** The flags of a command, the required ones, and the check of their combinations. */
export interface FlagTable<F extends Flags, R extends keyof F & string> {
  readonly flags: F
  readonly required: readonly R[]
  /** A flag that is missing or wrong has no value here. */
  readonly problems?: (values: Partial<Values<F, R>>, args: readonly string[]) => readonly string[]
}

/** Flags are checked before the action, so that a wrong command line does nothing. */
export function withFlags<F extends Flags, R extends keyof F & string>(
  command: Command,
  table: FlagTable<F, R>,
  action: (values: Values<F, R>, args: readonly string[]) => void | Promise<void>,
): Command {
  return addFlags(command, table.flags)
    .hook('preAction', (_, acting) => {
      readFlags(table, acting)
    })
    .action(async () => {
      await action(readFlags(table, command), command.args)
    })
}

export function addFlags(command: Command, flags: Flags): Command {
  for (const flag of Object.values(flags)) command.addOption(optionOf(flag))
  return command
}

const flagsOfOptions = new WeakMap<Option, Flag<unknown>>()

/** The flag of which the option was made. */
export function flagOf(option: Option): Flag<unknown> | undefined {
  return flagsOfOptions.get(option)
}

const argumentWords = new WeakMap<Command, Readonly<Record<string, string>>>()

/** Words with their descriptions that a shell completes as the first argument. */
export function addWordsOfArgument(command: Command, words: Readonly<Record<string, string>>): Command {
  argumentWords.set(command, words)
  return command
}

export function wordsOfArgument(command: Command): Readonly<Record<string, string>> | undefined {
  return argumentWords.get(command)
}

function optionOf(flag: Flag<unknown>): Option {
  const { term, description, default: byDefault, many, choices, env } = flag
  const option = new Option(term, many === true ? `${description}; may be repeated` : description)
  flagsOfOptions.set(option, flag)
  if (byDefault !== undefined) option.default(byDefault)
  if (env !== undefined) option.env(env)
  if (choices !== undefined) option.argChoices = [...choices]
  return many === true
    ? option.argParser((text: string, before: readonly string[] | undefined) => [...(before ?? []), text])
    : option
}

/** Ends the command with every flag that is missing or wrong. */
function readFlags<F extends Flags, R extends keyof F & string>(
  { flags, required, problems: problemsOf = () => [] }: FlagTable<F, R>,
  command: Command,
): Values<F, R> {
  const { values, problems } = parseFlags(nameSources(flags, command), required, command.opts())
  const all = [...problems, ...problemsOf(values, command.args)]
  if (all.length > 0) fail(all, command)
  return values
}

/** A value from the environment is reported by its variable, too: the command line does not show it. */
function nameSources<F extends Flags>(flags: F, command: Command): F {
  const named = Object.entries(flags).map(([key, flag]): [string, Flag<unknown>] => [
    key,
    command.getOptionValueSource(key) === 'env' ? { ...flag, term: `${flag.term} (from ${flag.env ?? ''})` } : flag,
  ])
  return Object.fromEntries(named) as F
}

/** For the default command of a command: a misspelt name of another arrives there as an argument. */
export function refuseWords(command: Command, otherwise: string): void {
  const [word] = command.args
  if (word === undefined) return
  const known = (command.parent?.commands ?? []).flatMap((other) => [other.name(), ...other.aliases()])
  const near = nearest(word, known)
  command.error(`error: unknown command ${quote(word)}; ${near === undefined ? otherwise : `did you mean ${near}?`}`)
}

export function fail(problems: readonly string[], command: Command): never {
  const title = problems.length === 1 ? 'a flag is missing or wrong' : `${problems.length} flags are missing or wrong`
  return command.error(`error: ${title}:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
}
