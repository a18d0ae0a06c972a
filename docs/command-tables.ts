/** Tables of commands for the pages, from the same data that the commands and their help use. */
import { exitRows } from '../src/cli/exit-codes.ts'
import { formatUses } from '../src/audit/formats/registry.ts'
import { waiversSchema } from '../src/audit/waivers/waiver-schema.ts'
import { loadFlags } from '../src/cli/load.ts'
import { printMarkdownTable } from '../src/cli/table.ts'
import { deliveryRows } from '../src/cli/help/delivery-rows.ts'
import { environmentRows } from '../src/cli/help/environment-rows.ts'
import type { Flags } from '../src/flags/flags.ts'

export function commandExitsInMarkdown(): string {
  return printMarkdownTable(['Exit', 'Meaning'], exitRows())
}

export function environmentInMarkdown(): string {
  const rows = environmentRows().map(([names, meaning]) => [names.replace(/[A-Z_]{5,}/g, '`$&`'), meaning])
  return printMarkdownTable(['Variable', 'Meaning'], rows)
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
  const rows = deliveryRows().flatMap(({ delivery, sources, companions }) =>
    companions === undefined ? [] : [[`\`render ${delivery}\``, sources, companions] as const],
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
