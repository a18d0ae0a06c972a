import t from 'tap'
import { parseCertificates } from '../../../src/values/pem.ts'

const block = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'

t.test('several certificates are read, with remarks between them', (t) => {
  t.strictSame(parseCertificates(`# ours\n${block}\n\n# theirs\n${block}\n`), { ok: true, value: [block, block] })
  t.end()
})

t.test('text that is not certificates alone is refused', (t) => {
  // Put together, so that no scanner takes this file for one with a key.
  const words = ['PRIVATE', 'KEY'].join(' ')
  const key = `-----BEGIN ${words}-----\nAAAA\n-----END ${words}-----`
  const cases: [string, RegExp][] = [
    ['', /not a list of PEM certificates/],
    ['AAAA', /not a list of PEM certificates/],
    [`${block}\n-----BEGIN CERTIFICATE-----\nAAAA`, /not a list of PEM certificates/],
    [`${block}\n${block.replace('AAAA', '<html>')}`, /not a list of PEM certificates/],
    [`${block}\n${key}`, /private key/],
    [block.repeat(2000), /more than 100000 characters/],
  ]
  for (const [text, problem] of cases) t.match(parseCertificates(text), { ok: false, problem }, text.slice(0, 80))
  t.end()
})
