/** The page of docs/loader.md says what the loader does. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { exits } from '../../src/loader/exit-codes.ts'
import { conformanceInMarkdown, limitsInMarkdown } from './conformance-table.ts'

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'loader.md'), 'utf8')

t.test('what each engine passes is on the page', (t) => {
  t.ok(page.includes(`<!-- cannot -->\n${limitsInMarkdown()}<!-- /cannot -->`), 'run make generate')
  t.ok(page.includes(`<!-- conformance -->\n${conformanceInMarkdown()}<!-- /conformance -->`), 'run make generate')
  t.end()
})

t.test('every exit has a row that says what one sees, why, and what to do', (t) => {
  const rows = [...page.matchAll(/^\| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)].filter(
    ([line]) => !line.endsWith(' yes |'),
  )
  const explained = new Set(rows.map(([, code]) => Number(code)))
  t.strictSame(
    Object.values(exits).filter(({ code }) => !explained.has(code)),
    [],
  )
  t.end()
})
