import t from 'tap'
import { enumerate, shorten } from '../../../src/values/print/printable.ts'

t.test('names are enumerated as long as there is room', (t) => {
  t.equal(enumerate([]), '')
  t.equal(enumerate(['a']), 'a')
  t.equal(enumerate(new Set(['a', 'b', 'c'])), 'a, b, c')
  t.equal(enumerate(['aaaa', 'bbbb', 'cccc'], 10), 'aaaa, bbbb and more')
  t.end()
})

t.test('items without room are not even computed', (t) => {
  let asked = 0
  function* endless(): Generator<string> {
    for (;;) yield `name-${asked++}`
  }
  t.match(enumerate(endless()), /^name-0, name-1, .* and more$/)
  t.ok(asked < 100)
  t.end()
})

t.test('a text is shortened to so many characters, the mark of the cut included', (t) => {
  t.equal(shorten('12345', 5), '12345')
  t.equal(shorten('123456', 5), '12...')
  t.equal(shorten('🚀🚀🚀🚀', 6), '🚀\ufffd...', 'half a character is none')
  t.end()
})
