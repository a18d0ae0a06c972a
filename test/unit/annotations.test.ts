import t from 'tap'
import { annotationNames, annotations, appliesTo, defaultPrefix, isAnnotationName } from '../../src/annotations.ts'
import { entryOf } from '../../src/cli/reference.ts'
import { deliveries } from '../../src/values/source.ts'
import { defaultConfig } from '../../src/config/parse-config.ts'

for (const name of annotationNames) {
  const row = annotations[name]

  t.test(`${name} says what it is for, what it takes and what holds without it`, (t) => {
    for (const text of [row.accepted, entryOf(name).default, row.description, row.example]) {
      t.ok(text.trim() === text && text.length > 0, text)
    }
    t.notMatch(row.description, /\.$/, 'no full stop at the end')
    t.match(name, /^[a-z]+(-[a-z]+)*$/)
    t.end()
  })

  t.test(`the example of ${name} is accepted by its own parser`, (t) => {
    const value = row.example.replace(/^"(.*)"$/, '$1').replace('…', 'a'.repeat(64))
    t.equal(row.parse(value).ok, true, value)
    t.end()
  })

  t.test(`${name} refuses what is empty or has a control character in it`, (t) => {
    for (const text of ['', '\u0000', 'a\u001b[31mb', '\n']) {
      const result = row.parse(text)
      t.equal(result.ok, false, JSON.stringify(text))
      t.match(!result.ok && result.problem, /^[a-z]/)
    }
    t.end()
  })

  t.test(`${name} refuses what is longer than anybody needs, and says both lengths`, (t) => {
    const text = 'a'.repeat(row.longest + 1)
    const problem = `has ${row.longest + 1} characters, more than the ${row.longest} it may have`
    t.strictSame(row.parse(text), { ok: false, problem })
    const shorter = row.parse(text.slice(1))
    t.notMatch(shorter.ok ? '' : shorter.problem, / characters, more than the /)
    t.end()
  })

  t.test(`${name} leaves room for the longest model name in its key`, (t) => {
    t.ok(
      row.scope === 'pod' || `${name}.${'a'.repeat(40)}`.length <= 63,
      'the name part of an annotation key has 63 characters at most',
    )
    t.end()
  })
}

t.test('a default of the product is one that an operator may change, and is accepted', (t) => {
  for (const [name, value] of Object.entries(defaultConfig.defaults)) {
    t.ok(isAnnotationName(name) && annotations[name].operator, name)
    t.ok(isAnnotationName(name) && annotations[name].parse(value.replace('NAME', 'llama')).ok, `${name}: ${value}`)
  }
  t.end()
})

t.test('an annotation for some deliveries names existing deliveries, and is about one model', (t) => {
  for (const name of annotationNames) {
    const { scope, appliesTo = [] } = annotations[name]
    t.strictSame(
      appliesTo.filter((delivery) => !deliveries.includes(delivery)),
      [],
      name,
    )
    t.ok(appliesTo.length === 0 || scope === 'model', name)
  }
  t.end()
})

t.test('an annotation has no effect on deliveries that it does not apply to', (t) => {
  t.strictSame(
    deliveries.filter((delivery) => appliesTo('expect', delivery)),
    ['download', 'claim', 'node'],
  )
  t.strictSame(
    deliveries.filter((delivery) => appliesTo('claim', delivery)),
    ['mountpoint'],
  )
  t.strictSame(
    deliveries.filter((delivery) => appliesTo('mount-path', delivery)),
    deliveries,
  )
  t.end()
})

t.test('names of object methods are no annotations', (t) => {
  t.strictSame(['toString', '__proto__', 'constructor', '', 'Source'].map(isAnnotationName), [
    false,
    false,
    false,
    false,
    false,
  ])
  t.ok(defaultPrefix.endsWith('/'))
  t.end()
})
