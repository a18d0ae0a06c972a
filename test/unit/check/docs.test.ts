/** docs/checks.md has every check of `check`, and what `why` looks at. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { installationChecks } from '../../../src/diagnosis/installation-checks.ts'
import { checkIds } from '../../../src/check/checks.ts'
import { deliveryChecks } from '../../../src/deliveries/companions.ts'
import { preChecks } from '../../../src/check/pre/checks.ts'
import { identityChecks } from '../../../src/check/identity/checks.ts'
import { liveChecks } from '../../../src/check/why/live/live-checks.ts'
import { checksInMarkdown } from '../../../src/cli/check/check-report.ts'

const page = readFileSync(join(import.meta.dirname, '../../../docs/checks.md'), 'utf8')

for (const [marker, checks] of [
  ['checks', installationChecks],
  ['pre-checks', preChecks],
  ['delivery-checks', deliveryChecks],
  ['identity-checks', identityChecks],
  ['live-checks', liveChecks],
] as const) {
  t.test(`docs/checks.md has the table of ${marker}`, (t) => {
    const [, block = ''] = page.split(new RegExp(`<!-- /?${marker} -->\n`))
    t.equal(block, checksInMarkdown(checks), 'the page is out of date: run make generate')
    t.end()
  })
}

t.test('the tables have every check', (t) => {
  const tables = [installationChecks, preChecks, deliveryChecks, identityChecks]
  t.strictSame(tables.flatMap(Object.keys), checkIds)
  t.end()
})
