import t from 'tap'
import { Findings } from '../../../src/request/findings.ts'
import { defaultConfig } from '../../../src/config/parse-config.ts'
import { inject } from '../../../src/inject/inject.ts'
import { formatOmitted, type DenyReason, type Diagnostic } from '../../../src/reasons.ts'

function diagnostic(field: string, reason: DenyReason = 'InvalidAnnotation'): Diagnostic {
  return { reason, field, problem: 'is bad' }
}

t.test('a hundred mistakes are described, and the others counted by their reason', (t) => {
  const findings = new Findings()
  for (let i = 0; i < 100; i++) findings.deny(diagnostic(`f${i}`))
  t.strictSame(findings.omitted, {})
  for (let i = 0; i < 7; i++) findings.deny(diagnostic(`g${i}`, 'MountConflict'))
  findings.deny(diagnostic('h'))
  t.equal(findings.diagnostics.length, 100)
  t.strictSame(findings.omitted, { MountConflict: 7, InvalidAnnotation: 1 })
  t.strictSame(formatOmitted(findings.omitted), ['and 8 more, not described: 7 MountConflict, 1 InvalidAnnotation'])
  t.end()
})

t.test('a consequence of another mistake is none, also if that mistake was only counted', (t) => {
  const findings = new Findings()
  for (let i = 0; i < 101; i++) findings.deny(diagnostic(`f${i}`))
  findings.suppressFollowUpErrors()
  findings.deny(diagnostic('f100', 'MountConflict'))
  findings.deny(diagnostic('elsewhere', 'NotAllowed'))
  findings.warn('NoSize', 'nothing')
  t.strictSame(findings.omitted, { InvalidAnnotation: 1 })
  t.strictSame(findings.warnings, [])
  findings.deny(diagnostic('elsewhere', 'MountConflict'))
  t.strictSame(findings.omitted, { InvalidAnnotation: 1, MountConflict: 1 })
  t.end()
})

t.test('texts of users are cut', (t) => {
  const findings = new Findings()
  const long = 'x'.repeat(1e6)
  findings.deny({ reason: 'NameTaken', field: long, found: long, problem: long, accepted: long, remedy: long })
  findings.warn('NoSize', long)
  const [cut] = findings.diagnostics
  t.strictSame(
    [cut?.field, cut?.found, cut?.problem, cut?.accepted, cut?.remedy].map((text) => text?.length),
    [400, 200, 2000, 500, 500],
  )
  t.equal(findings.warnings[0]?.message.length, 500)
  t.end()
})

t.test('a warning has the field of what it warns of, and its text does not name it', (t) => {
  const annotations = { 'models.example.io/source': 's3://models/a/', 'models.example.io/source.b': 's3://models/b/' }
  const spec = { containers: [{ name: 'app' }], runtimeClassName: 'kata' }
  const { warnings } = inject({ metadata: { annotations }, spec }, 'team', defaultConfig)
  t.strictSame(
    new Set(warnings.map(({ reason, field }) => `${reason} ${field}`)),
    new Set([
      'NoExpectation metadata.annotations[models.example.io/source]',
      'NoSize metadata.annotations[models.example.io/source]',
      'NoExpectation metadata.annotations[models.example.io/source.b]',
      'NoSize metadata.annotations[models.example.io/source.b]',
      'EmptyUnderKata spec.runtimeClassName',
    ]),
  )
  t.notOk(warnings.some(({ message }) => /metadata|spec\./.test(message)))
  t.end()
})

t.test('a warning is given once', (t) => {
  const findings = new Findings()
  for (const message of ['a', 'b', 'a']) findings.warn('NoSize', message)
  t.strictSame(
    findings.warnings.map(({ message }) => message),
    ['a', 'b'],
  )
  t.end()
})

t.test('a pod with hundreds of mistakes is denied with a hundred of them', (t) => {
  const names = Array.from({ length: 900 }, (_, i) => `x${i}`).join(',')
  const annotations = { 'models.example.io/source': 's3://models/a/', 'models.example.io/containers': names }
  const outcome = inject({ metadata: { annotations }, spec: { containers: [{ name: 'app' }] } }, 'team', defaultConfig)
  t.match(outcome, { outcome: 'denied', reason: 'UnknownContainer', omitted: { UnknownContainer: 800 } })
  t.equal(outcome.outcome === 'denied' && outcome.diagnostics.length, 100)
  t.end()
})
