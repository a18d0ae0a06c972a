/** `model-injector version`: the version, and what it runs on. */
import { Command } from 'commander'
import { oneOf, type Values } from '../flags/flags.ts'
import { version } from '../version.ts'
import { withFlags } from './flags.ts'

const flags = {
  output: { term: '-o, --output <format>', description: 'format (default: plain text)', ...oneOf(['json']) },
} as const

const help = `
Examples:
  model-injector version
  model-injector version -o json`

export function versionCommand(): Command {
  const command = new Command('version').addHelpText('after', help)
  return withFlags(command, { flags, required: [] }, ({ output }: Values<typeof flags, never>) => {
    const facts = { version, node: process.versions.node, platform: `${process.platform}/${process.arch}` }
    process.stdout.write(
      output === 'json'
        ? `${JSON.stringify(facts, null, 2)}\n`
        : `model-injector ${facts.version} (Node ${facts.node}, ${facts.platform})\n`,
    )
  })
}
