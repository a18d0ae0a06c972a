/** The reference pages say what `explain` says. */
import t from 'tap'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { annotationNames } from '../../../src/annotations.ts'
import { denyReasons, failReasons, injectReasons, skipReasons, warnReasons } from '../../../src/reasons.ts'
import { podFailurePolicyInMarkdown } from '../../../docs/pod-failure-policy.ts'
import { exits } from '../../../src/loader/exit-codes.ts'
import { annotationsInMarkdown, exitsInMarkdown, reasonsInMarkdown } from '../../../src/cli/reference.ts'

const hint = 'the page is out of date: run make generate'

function blockOf(page: string, marker: string): string {
  const content = readFileSync(join(import.meta.dirname, '../../..', page), 'utf8')
  const [, block] = content.split(new RegExp(`<!-- /?${marker} -->\\n`))
  return block ?? ''
}

t.test('docs/annotations.md has the table of annotations, and README.md all their names', (t) => {
  t.equal(blockOf('docs/annotations.md', 'annotations'), annotationsInMarkdown(), hint)
  const named = [...blockOf('README.md', 'annotations').matchAll(/^\| `([a-z-]+)/gm)].map(([, name]) => name)
  t.strictSame(named, annotationNames, hint)
  t.end()
})

t.test('docs/reasons.md has every reason of the code and no other', (t) => {
  t.equal(blockOf('docs/reasons.md', 'reasons'), reasonsInMarkdown(), hint)
  const named = [...blockOf('docs/reasons.md', 'reasons').matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name)
  t.strictSame(
    named,
    [skipReasons, injectReasons, denyReasons, failReasons, warnReasons].flatMap((table) => Object.keys(table)),
    hint,
  )
  t.end()
})

t.test('docs/loader.md has every exit code, and the policy that stops Jobs that no retry helps', (t) => {
  t.equal(blockOf('docs/loader.md', 'exits'), exitsInMarkdown(), hint)
  t.equal(blockOf('docs/loader.md', 'policy'), podFailurePolicyInMarkdown(), hint)
  t.match(podFailurePolicyInMarkdown(), /values:\n {6}- 10\n {6}- 11\n/)
  t.end()
})

const exitCodes = Object.values(exits).map(({ code }) => code)

t.test('docs/loader.md has causes and remedies of every exit code, and of no other', (t) => {
  t.strictSame(codesBelow('docs/loader.md', 'Causes and remedies'), exitCodes)
  t.end()
})

t.test('docs/publish.md has every exit code of publish, and no other', (t) => {
  t.strictSame(codesBelow('docs/publish.md', 'When a run fails'), [0, 2, ...exitCodes])
  t.end()
})

/** The codes in the first column of the table below a heading. */
function codesBelow(page: string, heading: string): readonly number[] {
  const content = readFileSync(join(import.meta.dirname, '../../..', page), 'utf8')
  const [section = ''] = (content.split(`## ${heading}\n`)[1] ?? '').split(/^## /m)
  const cells = [...section.matchAll(/^\| ([\d, ]+) \|/gm)].map(([, cell = '']) => cell)
  return [...new Set(cells.flatMap((cell) => cell.split(', ')).map(Number))]
}
