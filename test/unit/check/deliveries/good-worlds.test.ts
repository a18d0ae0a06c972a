/** `check --delivery` is ok in every point if all is as it should be. */
import t from 'tap'
import { deliveryChecks, checkCommands, type CheckedDelivery } from '../../../../src/deliveries/companions.ts'
import { findingsIn, problemsIn } from './good-worlds.ts'

const names = Object.keys(checkCommands) as CheckedDelivery[]
const findings = await Promise.all(names.map(async (name) => findingsIn(name)))

for (const [i, name] of names.entries()) {
  t.test(`a right world for ${name} has only findings that are ok`, (t) => {
    t.strictSame(
      problemsIn(findings[i] ?? []),
      [],
      JSON.stringify(
        findings[i]?.filter(({ severity }) => severity !== 'ok'),
        null,
        1,
      ),
    )
    t.end()
  })
}

t.test('every row of the table is looked at in one of them, and only a wrong DaemonSet is worth a word', (t) => {
  const seen = new Set(findings.flat().map(({ id }) => id))
  t.strictSame(
    Object.keys(deliveryChecks).filter((id) => !seen.has(id as keyof typeof deliveryChecks)),
    ['daemon-set'],
  )
  t.end()
})
