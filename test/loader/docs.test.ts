/** docs/loader.md and docs/conformance.md describe the loader. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { exits } from '../../src/loader/exit-codes.ts'
import { conformanceInMarkdown, limitsInMarkdown } from './conformance-table.ts'

const loaderPage = readPage('loader.md')
const conformancePage = readPage('conformance.md')

function readPage(name: string): string {
  return readFileSync(join(import.meta.dirname, '..', '..', 'docs', name), 'utf8')
}

t.test('the cases that each engine passes are on the page', (t) => {
  t.ok(conformancePage.includes(`<!-- cannot -->\n${limitsInMarkdown()}<!-- /cannot -->`), 'run make generate')
  t.ok(
    conformancePage.includes(`<!-- conformance -->\n${conformanceInMarkdown()}<!-- /conformance -->`),
    'run make generate',
  )
  t.end()
})

t.test('every exit has a row that says what one sees, why, and what to do', (t) => {
  const rows = [...loaderPage.matchAll(/^\| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)].filter(
    ([line]) => !line.endsWith(' yes |'),
  )
  const explained = new Set(rows.map(([, code]) => Number(code)))
  t.strictSame(
    Object.values(exits).filter(({ code }) => !explained.has(code)),
    [],
  )
  t.end()
})
