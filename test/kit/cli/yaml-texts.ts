/** YAML as people, tools and mischief write it: any spelling of scalars and keys, anchors, merges, quotes, brackets. */
import fc from 'fast-check'

const wordsWithoutBlanks = [
  'y N yes No on OFF true False null Null ~ << = -- . .. + +. -.',
  '0 -0 +0 00 07 08 09.5 0777 0o777 0O17 -0o7 +0x1F 0X1f 0x 0xg 0b101 -0b1 0b2 0B11',
  '1_000 1__0 _1 1_ 0x_1 0_7 1_0.5_0 ._1 .5_0 .5_ .5e1_0 1e3 1E+3 1e-7 1e6 1e5 e2 E5 1e 1e400 -1e400 .5 -.5 +.5e2 5. .e3 1.e3',
  '1:20 1:20:30 190:20:30.15 2001-01-01 2001-12-14t21:59:43.10-05:00 .inf -.Inf .NaN nan inf Infinity',
  '9007199254740993 9223372036854775807 9223372036854775808 18446744073709551615 18446744073709551616',
  '-9223372036854775808 -9223372036854775809 0xffffffffffffffff 100000000000000000000000',
  '1.0 1.50 1e21 1e20 0.1 0.00001 0.0001 16777217.0 3.4e39 123456789.125 0.0 -0.0 10m 20Gi 1.2.3',
  `'1' "yes" '' 'it''s' é 日本 a#b #a @a %a *a [a] {a} [] {}`,
].flatMap((line) => line.split(' '))

const words = [
  ...wordsWithoutBlanks,
  ...['', '"\\x41\\u00e9\\n\\e"', '"a\\\n    b"', '"a\n\n    b"', "'x\n    y'", '"\n    x\n  "'],
  ...['!!str 1', '!!int "3"', '!!float 1', '!!bool yes', '!!null ""', '!!binary aGk=', '!mine 1', '! 1'],
  ...['!!int x', '!!binary "a"', '2001-1-1 1:1:1', '`a', '&a b', '? a', ': a', '- a', 'a\tb', '| x', '> x'],
  ...['a b', 'a: b', 'a #b', '{a: b}', '[a, {b: 1}, c: 2]', '{1, 2}', '{a: [1, 2,], b,}'],
]

function characters(text: string): fc.Arbitrary<string> {
  return fc.constantFrom(...text.split('', text.length))
}

const scalar = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...words) },
  {
    weight: 3,
    arbitrary: fc.string({ unit: characters('0123456789.eExXob_+-:'), minLength: 1, maxLength: 7 }),
  },
  {
    weight: 1,
    arbitrary: fc.string({ unit: characters('ab01.-:, \'"[]{}%@?~'), minLength: 1, maxLength: 8 }),
  },
)

const blockScalar = fc
  .tuple(
    fc.constantFrom('|', '>', '|-', '>+', '|2', '>-'),
    fc.array(fc.constantFrom('a', '  b', '', ' #c', '1: 2'), { maxLength: 4 }),
  )
  .map(([head, lines]) => `${head}\n${lines.map((line) => `    ${line}\n`).join('')}`.trimEnd())

const anchored = fc.constantFrom('&a {k: 1, on: 2}', '&b [1, 2]', '&a yes', '&c {<<: {k: 0}, j: 1}', '&a')
const aliased = fc.constantFrom(
  '*a',
  '*b',
  '*c',
  '{<<: *a, k: 3}',
  '{k: 3, <<: *a}',
  '{<<: [*a, *c]}',
  '{<<: *b}',
  '[*a, *b]',
  '*nowhere',
)

const value = fc.oneof(
  { weight: 8, arbitrary: scalar },
  { weight: 1, arbitrary: blockScalar },
  { weight: 2, arbitrary: anchored },
  { weight: 2, arbitrary: aliased },
)

const key = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'c', 'd') },
  { weight: 2, arbitrary: scalar.filter((text) => !/\n|^(?:~|null|Null|)$/.test(text)) },
)

/** Lines of the fields of an object. */
export const fields: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      { weight: 5, arbitrary: fc.tuple(key, value).map(([name, text]) => `  ${name}: ${text}`) },
      {
        weight: 1,
        arbitrary: fc
          .tuple(key, fc.array(value, { minLength: 1, maxLength: 3 }), fc.constantFrom('  ', '    '))
          .map(([name, items, indent]) => [`  ${name}:`, ...items.map((item) => `${indent}- ${item}`)].join('\n')),
      },
      {
        weight: 1,
        arbitrary: fc.tuple(key, key, value).map(([name, inner, text]) => `  ${name}: # note\n    ${inner}: ${text}`),
      },
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((lines) => `${lines.join('\n')}\n`)

/** One field for each word, so that no other can hide it. */
export const everyWord: readonly string[] = words.flatMap((word) => [
  `  a: ${word}\n`,
  `  a: [${word}, 1]\n`,
  ...(word.includes('\n') ? [] : [`  ${word}: 1\n`, `  a: {${word}: 1}\n`]),
])
