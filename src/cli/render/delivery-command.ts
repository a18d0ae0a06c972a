/** `model-injector render DELIVERY`, from the definition in the delivery's folder. */
import { Command } from 'commander'
import type { Companion } from '../../deliveries/companion.ts'
import { parseFlags } from '../../flags/flags.ts'
import { addFlags, fail } from '../flags.ts'
import { configFlag } from '../manifest-command.ts'
import { readConfig } from '../read-config.ts'
import { outputFlags, outputProblems, writeRendering } from './write.ts'

const flags = { ...outputFlags, config: configFlag } as const

/** Undefined for deliveries without companion resources. */
export function renderDeliveryCommand(delivery: string, { alias, render }: Companion): Command | undefined {
  if (render === undefined) return undefined
  const command = new Command(delivery).description(render.description)
  if (alias !== undefined) command.alias(alias)
  addFlags(command, { ...render.flags, ...flags })
  return command.addHelpText('after', render.help).action(async () => {
    const { values, problems } = parseFlags(flags, [], command.opts())
    const result = await render.render(command.opts(), await readConfig(values.config))
    const all = [...(result.ok ? [] : result.problems), ...problems, ...outputProblems(values)]
    if (!result.ok || all.length > 0) fail(all, command)
    await writeRendering(result.value, values, command)
  })
}
