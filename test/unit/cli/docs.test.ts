/** The reference pages say what `explain` says. */
import t from 'tap'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { annotationNames } from '../../../src/annotations.ts'
import { denyReasons, failReasons, injectReasons, skipReasons, warnReasons } from '../../../src/reasons.ts'
import { exits } from '../../../src/loader/exit-codes.ts'
import {
  annotationsInMarkdown,
  exitsInMarkdown,
  podFailurePolicyInMarkdown,
  reasonsInMarkdown,
} from '../../../src/cli/reference.ts'

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

t.test('docs/loader.md has causes and remedies of every exit code, and of no other', (t) => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/loader.md'), 'utf8')
  const [, section = ''] = page.split('## Causes and remedies\n')
  const described = [...section.split(/^## /m)[0]!.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code))
  t.strictSame(
    [...new Set(described)],
    Object.values(exits).map(({ code }) => code),
  )
  t.end()
})
