/** Flags as options of a command. */
import { Option, type Command } from 'commander'
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

function optionOf({ term, description, default: byDefault, many, choices, env }: Flag<unknown>): Option {
  const option = new Option(term, many === true ? `${description}; may be repeated` : description)
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

export function fail(problems: readonly string[], command: Command): never {
  const title = problems.length === 1 ? 'a flag is missing or wrong' : `${problems.length} flags are missing or wrong`
  return command.error(`error: ${title}:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
}
