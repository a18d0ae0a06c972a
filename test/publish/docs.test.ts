/** The page of the publisher names every way it can end, and no option that is not there. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { exits } from '../../src/loader/exit-codes.ts'
import { publishCommand } from '../../src/cli/publish.ts'

const page = await readFile(join(import.meta.dirname, '../../docs/publish.md'), 'utf8')

t.test('every exit code has a row', (t) => {
  const rows = page.split('\n').flatMap((line) => /^\| ([\d, ]+) \|/.exec(line)?.[1]?.split(', ') ?? [])
  t.strictSame(rows.map(Number), [0, 2, ...Object.values(exits).map(({ code }) => code)])
  t.end()
})

t.test('every option of the examples and of the text is one of the command', (t) => {
  const known = publishCommand().commands.flatMap(({ options }) => options.map(({ long }) => long))
  const others = ['--delete', '--recursive', '--from', '--dry-run', '--help']
  const named = [...new Set(page.match(/(?<=[\s`"])--[a-z][a-z-]+/g))]
  t.ok(named.length > 10)
  t.strictSame(
    named.filter((option) => !known.includes(option) && !others.includes(option)),
    [],
  )
  t.end()
})
