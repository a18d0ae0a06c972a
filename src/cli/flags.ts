/** Flags as options of a command. */
import { Option, type Command } from 'commander'
import type { Flag, Flags } from '../flags/flags.ts'

export function addFlags(command: Command, flags: Flags): Command {
  for (const flag of Object.values(flags)) command.addOption(optionOf(flag))
  return command
}

function optionOf({ term, description, default: byDefault, many }: Flag<unknown>): Option {
  const option = new Option(term, many === true ? `${description}; may be repeated` : description)
  if (byDefault !== undefined) option.default(byDefault)
  return many === true
    ? option.argParser((text: string, before: readonly string[] | undefined) => [...(before ?? []), text])
    : option
}

export function fail(problems: readonly string[], command: Command): never {
  const title = problems.length === 1 ? 'a flag is missing or wrong' : `${problems.length} flags are missing or wrong`
  return command.error(`error: ${title}:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
}
