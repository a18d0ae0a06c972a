import fc from 'fast-check'
import t from 'tap'
import { matchesAny, matchesPattern, parseKeyPattern } from '../../../src/values/pattern.ts'

const cases: readonly [pattern: string, text: string, matches: boolean][] = [
  ['*.safetensors', 'model-1.safetensors', true],
  ['*.safetensors', 'original/model.safetensors', true],
  ['*.safetensors', 'model.safetensors.bak', false],
  ['original/*', 'original/a/b', true],
  ['original/*', 'x/original/a', false],
  ['a?c', 'abc', true],
  ['a?c', 'a/c', true],
  ['a?c', 'ac', false],
  ['*', '', true],
  ['', '', true],
  ['', 'a', false],
  ['**', 'a', true],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['A', 'a', false],
  ['a.c', 'abc', false],
  ['[ab]', 'a', false],
  ['(a|b)+$', '(a|b)+$', true],
  ['*a', 'aaab', false],
  ['team-*', 'team-a', true],
  ['team-*', 'my-team-a', false],
]

for (const [pattern, text, matches] of cases) {
  t.test(`${JSON.stringify(pattern)} ${matches ? 'matches' : 'does not match'} ${JSON.stringify(text)}`, (t) => {
    t.equal(matchesPattern(pattern, text), matches)
    t.equal(matchesAny(['no', pattern], text), matches)
    t.end()
  })
}

t.test('no pattern is matched by nothing', (t) => {
  t.equal(matchesAny([], ''), false)
  t.end()
})

t.test('it agrees with a regular expression made from the same pattern', (t) => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 6 })
  fc.assert(
    fc.property(letters, fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 8 }), (pattern, text) => {
      const expression = new RegExp(`^${pattern.replaceAll('?', '.').replaceAll(/\*+/g, '.*')}$`, 's')
      return matchesPattern(pattern, text) === expression.test(text)
    }),
    { numRuns: 2000 },
  )
  t.end()
})

t.test('a hostile pattern takes no more steps than pattern times text', (t) => {
  // As a regular expression this one takes longer than anybody waits. The text counts how often it is looked at.
  const pattern = `${'*a'.repeat(200)}*b`
  const target = 'a'.repeat(2000)
  let steps = 0
  const counted = new Proxy(Object(target) as object, {
    get(object, key) {
      if (key === 'length') return target.length
      steps++
      return Reflect.get(object, key) as unknown
    },
  }) as unknown as string
  t.equal(matchesPattern(pattern, counted), false)
  t.ok(steps > 0 && steps <= 2 * pattern.length * target.length, `${steps} steps`)
  t.end()
})

t.test('a pattern on keys is relative and has no control characters', (t) => {
  t.strictSame(parseKeyPattern('a/*.json'), { ok: true, value: 'a/*.json' })
  t.strictSame(parseKeyPattern('/a'), {
    ok: false,
    problem: 'starts with a slash, but keys are relative to the source',
  })
  t.strictSame(parseKeyPattern('a\u0000'), { ok: false, problem: 'has a control character' })
  t.end()
})
