/** The script in the pod is the one that people read. `UPDATE_SCRIPT=1 node` this file writes it anew. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { s5cmdScript } from '../../../src/engines/s5cmd-script.ts'
import { s5cmd } from '../../../src/engines/s5cmd.ts'
import { credentialsRemedies } from '../../../src/loader/credentials/remedies.ts'
import { exits } from '../../../src/loader/exit-codes.ts'

const directory = join(import.meta.dirname, '../../../src/engines')
const readable = readFileSync(join(directory, 's5cmd.sh'), 'utf8')

if (process.env.UPDATE_SCRIPT === '1') {
  writeFileSync(join(directory, 's5cmd-script.ts'), moduleOf(withoutComments(readable)))
}

/** Pods carry it, each of them: what only people need is left out. */
function withoutComments(script: string): string {
  return script
    .split('\n')
    .filter((line) => !/^\s*(?:#.*)?$/.test(line))
    .map((line) => `${line}\n`)
    .join('')
}

function moduleOf(script: string): string {
  const lines = script
    .trimEnd()
    .split('\n')
    .map((line) => `  '${line.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}',\n`)
  return [
    '/* eslint max-lines: off */\n',
    '/** Made from s5cmd.sh, without its comments; edit that one. UPDATE_SCRIPT=1 node test/unit/engines/s5cmd-script.test.ts */\n',
    'export const s5cmdScript = [\n',
    ...lines,
    "  '',\n].join('\\n')\n",
  ].join('')
}

t.test('the script that pods get is the readable one without its comments', (t) => {
  t.equal(s5cmdScript, withoutComments(readable))
  t.equal(readFileSync(join(directory, 's5cmd-script.ts'), 'utf8'), moduleOf(s5cmdScript))
  t.end()
})

t.test('both begin with the line by which a later version recognises them', (t) => {
  const [, , script = ''] = s5cmd.command.command ?? []
  t.equal(script.split('\n')[0], readable.split('\n')[0])
  t.ok(s5cmd.runsIn(s5cmd.command))
  t.end()
})

t.test('the script has the exit codes, summaries and remedies of the native engine', (t) => {
  const rows = [...readable.matchAll(/^ +(\d+|\*)\) summary='([^']*)' remedy=(?:'([^']*)'|"([^"]*)") ;;$/gm)]
  const inScript = rows.map(([, code = '', summary, single, double]) => ({
    code: code === '*' ? 70 : Number(code),
    summary,
    remedy: single ?? double,
  }))
  const sorted = (table: readonly { code: number }[]): readonly object[] => table.toSorted((a, b) => a.code - b.code)
  // It cannot continue: what is in its staging is no evidence.
  const expected = Object.values(exits).map(({ code, summary, remedy }) => ({
    code,
    summary,
    remedy: code === 143 ? 'the next run starts anew' : remedy,
  }))
  t.strictSame(sorted(inScript), sorted(expected))
  t.end()
})

t.test('the script has the remedies of the native engine for each kind of credentials', (t) => {
  const rows = [...readable.matchAll(/^ +(\d+):([a-z-]+)(?:\/\*)?\) remedy='([^']*)' ;;$/gm)].map(
    ([, code, kind, remedy]) => [Number(code), kind, remedy],
  )
  const expected = (Object.keys(credentialsRemedies) as (keyof typeof credentialsRemedies)[]).flatMap((exit) =>
    Object.entries(credentialsRemedies[exit]).map(([kind, remedy]) => [exits[exit].code, kind, remedy]),
  )
  t.strictSame(rows, expected)
  t.end()
})

t.test('every way to fail in the script is a row of the table', (t) => {
  const codes = [...readable.matchAll(/\bfail (\d+)\b/g)].map(([, code]) => Number(code))
  const known: readonly number[] = Object.values(exits).map(({ code }) => code)
  t.strictSame(
    codes.filter((code) => !known.includes(code)),
    [],
  )
  t.end()
})
