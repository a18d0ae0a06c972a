/** The outline of all commands and options. The build computes it ahead: to load every command takes a second. */
import type { Command, Option } from 'commander'
import { flagOf, wordsOfArgument } from '../flags.ts'
import { buildWholeProgram } from '../program.ts'
import type { CommandOutline, OptionOutline } from './complete.ts'

export async function readOutline(): Promise<CommandOutline> {
  return outlineOf(await buildWholeProgram())
}

function outlineOf(command: Command): CommandOutline {
  const help = command.createHelp()
  const words = wordsOfArgument(command)
  const byDefault = defaultCommandOf(command)
  return {
    names: [command.name(), ...command.aliases()],
    about: help.subcommandDescription(command),
    options: help.visibleOptions(command).map(outlineOfOption),
    commands: help.visibleCommands(command).map(outlineOf),
    ...(byDefault !== undefined && { byDefault }),
    ...(words !== undefined && { words }),
  }
}

/** Commander has no public name for it. */
function defaultCommandOf(command: Command): string | undefined {
  const { _defaultCommandName: name } = command as { readonly _defaultCommandName?: unknown }
  return typeof name === 'string' ? name : undefined
}

function outlineOfOption(option: Option): OptionOutline {
  const { short, long, description, required, optional, argChoices } = option
  const flag = flagOf(option)
  const words = argChoices ?? flag?.suggested
  const paths = pathsOf(option.flags)
  return {
    names: [short, long].filter((name) => name !== undefined),
    about: description,
    takes: required ? 'value' : optional ? 'perhaps' : 'nothing',
    many: flag?.many === true,
    ...(words !== undefined && { words, isList: flag?.list === true }),
    ...(paths !== undefined && { paths }),
  }
}

/** The placeholder says what the value is. */
function pathsOf(term: string): OptionOutline['paths'] {
  if (/<(?:file|path)>/.test(term)) return 'files'
  return /<(?:dir|directory)>/.test(term) ? 'directories' : undefined
}
