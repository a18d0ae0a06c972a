/** The page on troubleshooting has everything that `check` looks at. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkIds } from '../../../src/check/checks.ts'
import { checksInMarkdown } from '../../../src/cli/check-report.ts'

t.test('docs/troubleshooting.md has the table of checks', (t) => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/troubleshooting.md'), 'utf8')
  const [, block = ''] = page.split(/<!-- \/?checks -->\n/)
  t.equal(block, checksInMarkdown(), 'the page is out of date: run make generate')
  t.strictSame([...block.matchAll(/^\| `([a-z-]+)` /gm)].map(([, id]) => id), checkIds)
  t.end()
})
