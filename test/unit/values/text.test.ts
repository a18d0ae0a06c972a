/** Text for people: wrapped to a width, without what a terminal would obey, and lists without repetition. */
import t from 'tap'
import { printRow } from '../../../src/values/print/text-table.ts'
import { unique } from '../../../src/values/unique.ts'
import { wrapText, wrapTextStrictly } from '../../../src/values/print/wrap-text.ts'

t.test('text is wrapped between words, and a word longer than the line stays whole', (t) => {
  t.strictSame(wrapText('one two three', 7), ['one two', 'three'])
  t.strictSame(wrapText('see s3://bucket/a-long-key now', 8), ['see', 's3://bucket/a-long-key', 'now'])
  t.strictSame(wrapText('', 8), [''])
  t.end()
})

t.test('in a column a word longer than the line goes on in the next line, and no character is lost', (t) => {
  t.strictSame(wrapTextStrictly('see s3://bucket/key now', 8), ['see', 's3://buc', 'ket/key', 'now'])
  for (const width of [1, 2, 3, 7, 100]) {
    const lines = wrapTextStrictly('a bc defg hijklmnop', width)
    t.equal(Math.max(...lines.map(({ length }) => length)) <= width, true)
    t.equal(lines.join('').replaceAll(' ', ''), 'abcdefghijklmnop')
  }
  t.end()
})

t.test('the first of several items with the same key stays, in its place', (t) => {
  const items = [
    { key: 'b', value: 1 },
    { key: 'a', value: 2 },
    { key: 'b', value: 3 },
  ]
  t.strictSame(
    unique(items, ({ key }) => key).map(({ value }) => value),
    [1, 2],
  )
  t.end()
})

t.test('a row stands in its columns, a cell of more lines below itself, and no line ends with blanks', (t) => {
  t.equal(printRow([['a'], ['b', 'bb'], ['c']], [3, 4, 1]), 'a    b     c\n     bb\n')
  t.equal(
    printRow([['longer than its column'], ['b']], [3, 1]),
    'longer than its column  b\n',
    'a long word stays whole',
  )
  t.equal(printRow([[], ['b']], [3, 1]), '     b\n')
  t.end()
})

t.test('colours go to the text and not to the blanks', (t) => {
  t.equal(
    printRow([['a'], ['b'], ['c']], [3, 3, 3], (text, column) => (column === 1 ? `<${text}>` : text)),
    'a    <b>    c\n',
  )
  t.end()
})

t.test('letters of East Asia take two columns of a terminal, marks none', (t) => {
  const rows = ['模型', 'ab\u0301cd', '🦙🦙', 'abcd'].map((text) => printRow([[text], ['|']], [6, 1]))
  t.strictSame(rows, ['模型    |\n', 'ab\u0301cd    |\n', '🦙🦙    |\n', 'abcd    |\n'])
  t.end()
})
