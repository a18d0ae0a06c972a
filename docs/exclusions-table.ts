/** The table of other webhooks and their exclusions, for docs/policies.md: the one that the guard's refusals are made from. */
import { exclusions } from '../deploy/chart/exclusions.ts'
import { printMarkdownTable } from '../src/cli/table.ts'

export function exclusionsInMarkdown(): string {
  return printMarkdownTable(
    ['Webhook', 'Variables', 'Leaves a pod alone that has'],
    exclusions.map(({ product, variables, exclusion }) => [
      product,
      variables.map((name) => `\`${name}\``).join(', '),
      exclusion.replace(/[\w-]+(?:\.[\w-]+)+\/[\w-]+(?:: "false")?/g, (written) => `\`${written}\``),
    ]),
  )
}
