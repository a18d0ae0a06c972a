import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { formatNames } from '../../../src/audit/formats/registry.ts'
import { judgementNames, judgements } from '../../../src/audit/judgement.ts'
import { printMarkdownTable } from '../../../src/cli/table.ts'

const page = readFileSync(join(import.meta.dirname, '../../../docs/audit.md'), 'utf8')

t.test('the page has every judgement as the table has it', (t) => {
  const rows = judgementNames.map((name) => [
    `\`${name}\``,
    judgements[name].level,
    judgements[name].meaning,
    judgements[name].remedy,
  ])
  t.ok(page.includes(printMarkdownTable(['Judgement', 'Level', 'Meaning', 'What to do'], rows)))
  t.end()
})

t.test('the page has every output', (t) => {
  for (const name of formatNames) t.match(page, new RegExp(`^\\| \`${name}\` \\|`, 'm'))
  t.end()
})
