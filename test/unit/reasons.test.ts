import { globSync, readFileSync } from 'node:fs'
import t from 'tap'
import { denyReasons, formatDiagnostic, injectReasons, skipReasons, warnReasons } from '../../src/reasons.ts'
import { printable, quote } from '../../src/values/print/printable.ts'

const tables = { skipReasons, injectReasons, denyReasons, warnReasons }
const sources = globSync('src/**/*.ts')
  .filter((path) => path !== 'src/reasons.ts')
  .map((path) => readFileSync(path, 'utf8'))
  .join('\n')

for (const [table, reasons] of Object.entries(tables)) {
  t.test(`every one of ${table} is one word, says in words what it means, and is given somewhere`, (t) => {
    for (const [reason, words] of Object.entries(reasons)) {
      t.match(reason, /^([A-Z][a-z]*|OS)+$/)
      t.match(words, /^[a-z].*[^.]$/)
      t.ok(sources.includes(`'${reason}'`), `${reason} is given somewhere`)
    }
    t.end()
  })
}

t.test('no reason is in two tables', (t) => {
  const all = Object.values(tables).flatMap((table) => Object.keys(table))
  t.strictSame([...new Set(all)], all)
  t.end()
})

t.test('every reason that the code gives is in a table', (t) => {
  const given = [...sources.matchAll(/\breason: '(\w+)'|\bwarn\('(\w+)'/g)].map(
    ([, diagnostic, warning]) => diagnostic ?? warning ?? '',
  )
  // The reason of an AdmissionReview's status, in the words of Kubernetes.
  const foreign = ['Invalid', 'InternalError', 'BadRequest']
  t.ok(given.length > 20, `${given.length} places`)
  t.strictSame(
    given.filter(
      (reason) => !foreign.includes(reason) && !Object.values(tables).some((table) => Object.hasOwn(table, reason)),
    ),
    [],
  )
  t.end()
})

t.test('a diagnostic is one line: field, value, problem, what is accepted, what to do', (t) => {
  const field = 'metadata.annotations[models.example.io/size]'
  t.equal(formatDiagnostic({ reason: 'InvalidAnnotation', field, problem: 'is wrong' }), `${field}: is wrong`)
  t.equal(
    formatDiagnostic({
      reason: 'InvalidAnnotation',
      field,
      found: 'a "b"',
      problem: 'is wrong',
      accepted: 'c',
      remedy: 'do d',
    }),
    `${field}: "a \\"b\\"" is wrong; accepted: c; do d`,
  )
  t.equal(
    formatDiagnostic({ reason: 'InvalidAnnotation', field, found: '', problem: 'is empty' }),
    `${field}: "" is empty`,
  )
  t.end()
})

t.test('nothing in a diagnostic reaches a terminal raw', (t) => {
  const evil = 'a\u001b[31m\n\u0000\u007f\u009b\u061c\u200b\u2028\u202e\u2066\ufeffz'
  const line = formatDiagnostic({
    reason: 'InvalidAnnotation',
    field: evil,
    found: evil,
    problem: evil,
    accepted: evil,
    remedy: evil,
  })
  t.notMatch(line, /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/)
  t.match(line, '\\u001b[31m', 'it is written out instead')
  t.equal(quote('\u001b\u202ex'), '"\\u001b\\u202ex"')
  t.end()
})

t.test('characters that a terminal hides or obeys are written out, in every plane of Unicode', (t) => {
  t.equal(printable('a\u00ad\u180e\u2060\u2064b'), 'a\\u00ad\\u180e\\u2060\\u2064b', 'format characters')
  t.equal(printable('a\u115f\u3164\uffa0\ufe0fb'), 'a\\u115f\\u3164\\uffa0\\ufe0fb', 'characters without a glyph')
  t.equal(printable('a\u{e0041}\u{e0100}b'), 'a\\u{e0041}\\u{e0100}b', 'tags and selectors, which carry hidden text')
  t.equal(printable('\ud800x\u{1d173}'), '\\ud800x\\u{1d173}', 'half a character, and an invisible sign of music')
  t.equal(printable('ünïcödé 模型 नमस्ते 🦙 a_b-c'), 'ünïcödé 模型 नमस्ते 🦙 a_b-c', 'letters with their marks stay')
  t.end()
})

t.test('a long value is cut, a short one and its letters are left', (t) => {
  t.equal(quote('x'.repeat(120)), `"${'x'.repeat(120)}"`)
  t.equal(quote('x'.repeat(121)), `"${'x'.repeat(117)}..."`)
  t.equal(quote('ünïcödé 模型 🦙'), '"ünïcödé 模型 🦙"')
  t.equal(quote(`${'x'.repeat(116)}🦙🦙🦙`), `"${'x'.repeat(116)}\\ud83e..."`, 'half a character is written out')
  t.end()
})
