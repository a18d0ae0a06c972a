/** The table of the ClusterRole model-injector-reader, for docs/troubleshooting.md, from the template of the chart. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { printMarkdownTable } from '../src/cli/table.ts'

interface ClusterRole {
  readonly rules: readonly { readonly apiGroups: readonly string[]; readonly resources: readonly string[] }[]
}

const template = join(import.meta.dirname, '../deploy/chart/templates/reader-role.yaml')

export function readerRoleInMarkdown(): string {
  const [role = ''] = readFileSync(template, 'utf8')
    .replaceAll(/^ *\{\{.*\}\}\n/gm, '')
    .split(/^---$/m)
  const { rules } = parse(role.replaceAll(/\{\{.*?\}\}/g, '')) as ClusterRole
  const rows = rules.map(({ apiGroups, resources }) => [
    apiGroups.map((group) => (group === '' ? 'core' : `\`${group}\``)).join(', '),
    resources.join(', '),
  ])
  return printMarkdownTable(['API group', 'Resources'], rows)
}
