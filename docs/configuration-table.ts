/** The keys of the operator's configuration as a table. */
import { configurationRows } from '../src/cli/help/configuration-rows.ts'
import { printMarkdownTable } from '../src/cli/table.ts'

export function configurationInMarkdown(): string {
  return printMarkdownTable(['Key', 'Type', 'Default', 'Meaning'], configurationRows())
}
