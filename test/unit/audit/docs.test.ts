import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { formatNames } from '../../../src/audit/formats/registry.ts'
import { judgementsInMarkdown } from '../../../src/cli/reference.ts'

const page = readFileSync(join(import.meta.dirname, '../../../docs/audit.md'), 'utf8')

t.test('the page has every judgement as the table has it', (t) => {
  t.ok(page.includes(judgementsInMarkdown()), 'the page is out of date: run make generate')
  t.end()
})

t.test('the page has every output', (t) => {
  for (const name of formatNames) t.match(page, new RegExp(`^\\| \`${name}\` \\|`, 'm'))
  t.end()
})
