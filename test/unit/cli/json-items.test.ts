/** Large lists are taken apart like JSON.parse would read them, wherever the chunks end. */
import fc from 'fast-check'
import t from 'tap'
import { jsonItems, type ListItem } from '../../../src/cli/manifests/json-items.ts'

async function read(text: string | Buffer, chunkBytes = 7): Promise<readonly ListItem[]> {
  const bytes = Buffer.from(text)
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      yield await Promise.resolve(bytes.subarray(at, at + chunkBytes))
    }
  }
  const found: ListItem[] = []
  for await (const item of jsonItems('dump.json', chunks())) found.push(item)
  return found
}

t.test('any items are what JSON.parse makes of them, in chunks of any size, however they are written', async (t) => {
  const object = fc.dictionary(
    fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('items', 'a"items', 'kind\\')),
    fc.jsonValue(),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(object),
      object,
      fc.integer({ min: 1, max: 40 }),
      fc.constantFrom(0, 1, 4),
      async (items, rest, size, indent) => {
        const text = JSON.stringify({ apiVersion: 'v1', ...rest, items, kind: 'List' }, null, indent)
        const found = (await read(text, size)).map(({ item }) => item)
        const expected =
          items.length === 0 ? [JSON.parse(text) as unknown] : (JSON.parse(text) as { items: unknown[] }).items
        if (JSON.stringify(found) !== JSON.stringify(expected)) {
          throw new Error(`${JSON.stringify(found)} is not ${JSON.stringify(expected)}`)
        }
      },
    ),
    { numRuns: 300, seed: 7 },
  )
  t.pass('they were')
})

t.test('numbers, names and mistakes are read as JSON.parse reads them', async (t) => {
  const values = [
    '-0',
    '1E400',
    '1e-400',
    '12345678901234567890',
    '0.1',
    '"\\ud800"',
    '"\\u00e9"',
    '{"__proto__":{"a":1}}',
  ]
  const mistakes = [
    '01',
    '1.',
    '.5',
    '+1',
    '-',
    'NaN',
    'fals',
    '"\\x"',
    '"\t"',
    '//',
    '\u00a0',
    '1 2',
    ',',
    '{1:2}',
    '{"a":1,}',
  ]
  for (const text of values) {
    t.strictSame(await read(`{"items":[${text}]}`), [{ list: { items: [] }, item: JSON.parse(text) as unknown }], text)
  }
  for (const text of mistakes) {
    t.throws(() => JSON.parse(`[${text}]`) as unknown, text)
    await t.rejects(read(`{"items":[${text}]}`), { code: 'InputUnreadable' }, text)
  }
})

t.test('each item comes with what stood before the items', async (t) => {
  t.strictSame(
    await read('{"kind":"PodList","apiVersion":"v1","metadata":{"x":["{"]},"items":[ {"a":"}"} , {"b":[{}]}]}'),
    [
      { list: { kind: 'PodList', apiVersion: 'v1', metadata: { x: ['{'] }, items: [] }, item: { a: '}' } },
      { list: { kind: 'PodList', apiVersion: 'v1', metadata: { x: ['{'] }, items: [] }, item: { b: [{}] } },
    ],
  )
})

t.test('an object that is no list is the only item', async (t) => {
  t.strictSame(await read('{"kind":"Pod","spec":{"items":[{"a":1}]}}'), [
    { list: {}, item: { kind: 'Pod', spec: { items: [{ a: 1 }] } } },
  ])
})

t.test('text that is no JSON is refused, with the place', async (t) => {
  for (const [text, message] of [
    ['{"items":[{"a":1},{"b":', /^dump\.json: is no JSON: it ends in the middle$/],
    ['{"items":[{"a":1},{"b":x}]}', /^dump\.json: after item 1: is no JSON: Unexpected \"x\"/],
    ['{"items":[{"a":1} {"b":1}]}', /^dump\.json: after item 1: is no JSON: /],
    ['{"items":[{"a":1}]}{}', /^dump\.json: after item 1: is no JSON: /],
    ['{"kind":x,"items":[{"a":1}]}', /^dump\.json: is no JSON: /],
    ['{"items":[{"a":1]]}', /^dump\.json: /],
    [
      Buffer.from([...Buffer.from('{"items":[{"a":"'), 0xff, ...Buffer.from('"}]}')]),
      /^dump\.json: is no JSON: .*not valid/,
    ],
  ] as const) {
    await t.rejects(read(text), { code: 'InputUnreadable', message }, String(text))
  }
})

t.test('an object that no API server would take is not read to its end', async (t) => {
  await t.rejects(read(`{"items":[{"a":"${'x'.repeat(17 * 2 ** 20)}"}]}`, 65_536), {
    message: /an object in it is larger than 16 MiB/,
  })
})
