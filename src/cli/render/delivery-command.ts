/** `model-injector render DELIVERY`, from the definition in the delivery's folder. */
import { Command } from 'commander'
import type { Companion } from '../../deliveries/companion.ts'
import { addFlags, fail } from '../flags.ts'
import { readConfig } from '../read-config.ts'
import { addOutputOptions, writeRendering } from './write.ts'

/** Undefined for deliveries without companion resources. */
export function renderDeliveryCommand(delivery: string, { alias, render }: Companion): Command | undefined {
  if (render === undefined) return undefined
  const command = new Command(delivery).description(render.description)
  if (alias !== undefined) command.alias(alias)
  addOutputOptions(addFlags(command, render.flags)).option(
    '--config <file>',
    "operator's configuration file (default: the built-in configuration)",
  )
  return command.addHelpText('after', render.help).action(async () => {
    const config = await readConfig(command.opts<{ config?: string }>().config)
    const result = await render.render(command.opts(), config)
    if (!result.ok) fail(result.problems, command)
    await writeRendering(result.value, command)
  })
}
