/** `model-injector help`: the help of a command, or the text of a topic. */
import { Command } from 'commander'
import { nearest } from '../nearest.ts'
import { quote } from '../values/print/printable.ts'
import { addWordsOfArgument } from './flags.ts'
import { helpTopics, printTopics, topicNames } from './help/topic-names.ts'
import { terminalWidth } from './terminal.ts'

const examples = `
Examples:
  model-injector help inject
  model-injector help policy test
  model-injector help exit-codes`

/** `commands` are the names and descriptions of all. */
export function helpCommand(commands: Readonly<Record<string, string>>): Command {
  const command = new Command('help')
    .argument('[name...]', 'a command, or a topic')
    .addHelpText('after', `\n${printTopics()}\n${examples}`)
  addWordsOfArgument(command, { ...commands, ...helpTopics })
  return command.action(async (names: readonly string[]) => {
    await showHelp(names, command)
  })
}

async function showHelp([first, ...rest]: readonly string[], command: Command): Promise<void> {
  const program = command.parent ?? command
  const topic = rest.length === 0 ? topicNames.find((name) => name === first) : undefined
  const isCommand = topic === undefined || commandOf(program, topic) !== undefined
  if (isCommand) showCommand(first === undefined ? [] : [first, ...rest], program, command)
  if (topic === undefined) return
  const { printTopic } = await import('./help/topic-text.ts')
  process.stdout.write(`${isCommand ? '\n' : ''}${printTopic(topic, terminalWidth())}`)
}

function showCommand(names: readonly string[], program: Command, command: Command): void {
  let found = program
  for (const name of names) found = commandOf(found, name) ?? refuse(name, found, command)
  found.outputHelp()
}

function commandOf(parent: Command, name: string): Command | undefined {
  return parent.commands.find((other) => other.name() === name || other.aliases().includes(name))
}

function refuse(name: string, of: Command, command: Command): never {
  const known = [...of.commands.map((other) => other.name()), ...(of === command.parent ? topicNames : [])]
  const near = nearest(name, known)
  const hint = near === undefined ? `known: ${known.join(', ')}` : `did you mean ${near}?`
  return command.error(`error: there is no help on ${quote(name)}; ${hint}`)
}
