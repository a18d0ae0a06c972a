/** Tables of commands for the pages, from the same data that the commands and their help use. */
import { exitRows } from '../src/cli/exit-codes.ts'
import { formatUses } from '../src/audit/formats/registry.ts'
import { waiversSchema } from '../src/audit/waivers/waiver-schema.ts'
import { loadFlags } from '../src/cli/load.ts'
import { printMarkdownTable } from '../src/cli/table.ts'
import { companions } from '../src/deliveries/companions.ts'
import type { Flags } from '../src/flags/flags.ts'
import { deliveriesOfScheme, type Delivery } from '../src/values/source.ts'

export function commandExitsInMarkdown(): string {
  return printMarkdownTable(['Exit', 'Meaning'], exitRows())
}

export function auditFormatsInMarkdown(): string {
  return printMarkdownTable(['`-o`', 'For'], namesAsCode(formatUses))
}

export function waiversInMarkdown(): string {
  const { properties, required } = waiversSchema.properties.waivers.items
  const { pods, ...others } = properties
  const rows = (keys: object, needed: readonly string[], path: string): readonly (readonly string[])[] =>
    Object.entries(keys as Readonly<Record<string, { readonly description: string }>>).map(
      ([name, { description }]) => [`\`${path}${name}\``, needed.includes(name) ? 'yes' : '', description],
    )
  return printMarkdownTable(
    ['Key', 'Required', 'Meaning'],
    [...rows(pods.properties, pods.required, 'pods.'), ...rows(others, required, '')],
  )
}

export function loadOptionsInMarkdown(): string {
  return printMarkdownTable(['Option', 'Default', 'Meaning'], optionRows(loadFlags))
}

export function renderCommandsInMarkdown(): string {
  const rows = Object.entries(companions).flatMap(([delivery, { render }]) =>
    render === undefined
      ? []
      : [[`\`render ${delivery}\``, sourcesOf(delivery as Delivery), render.description] as const],
  )
  return printMarkdownTable(['Command', 'For pods with', 'Prints'], rows)
}

function namesAsCode(table: Readonly<Record<string, string>>): readonly (readonly string[])[] {
  return Object.entries(table).map(([name, text]) => [`\`${name}\``, text])
}

function optionRows(flags: Flags): readonly (readonly string[])[] {
  return Object.values(flags).map(({ term, default: byDefault, description }) => [
    `\`${term}\``,
    byDefault === undefined ? '' : `\`${byDefault}\``,
    description,
  ])
}

/** The default delivery of a scheme needs no annotation `delivery`. */
function sourcesOf(delivery: Delivery): string {
  return Object.entries<readonly string[]>(deliveriesOfScheme)
    .filter(([, own]) => own.includes(delivery))
    .map(([scheme, own]) => `\`${scheme}://\`${own[0] === delivery ? '' : ` and \`delivery: ${delivery}\``}`)
    .join(', ')
}
