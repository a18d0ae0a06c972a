import t, { type Test } from 'tap'
import { annotatedManifest, reviewOf, type Fields } from '../../kit/webhook/reviews.ts'
import { buildTestServer } from '../../kit/webhook/server-kit.ts'

const server = buildTestServer()

async function post(payload: string | Buffer): Promise<{ statusCode: number; body: string }> {
  return server.app.inject({ method: 'POST', url: '/mutate', headers: { 'content-type': 'application/json' }, payload })
}

/** A review whose pod has `text`, which need not be valid JSON, in place of a value. */
function reviewWith(text: string, pod: Fields = { ...annotatedManifest(), hole: '@' }): string {
  return JSON.stringify(reviewOf(pod)).replace('"@"', text)
}

const hostile: [string, string, readonly number[]][] = [
  ['a million nested lists', reviewWith('['.repeat(1e6) + ']'.repeat(1e6)), [200]],
  ['a million nested objects', reviewWith('{"a":'.repeat(1e6) + '1' + '}'.repeat(1e6)), [200]],
  [
    'nested lists where the containers belong',
    reviewWith('['.repeat(1e6) + ']'.repeat(1e6), { ...annotatedManifest(), spec: { containers: '@' } }),
    [200],
  ],
  [
    'nested objects where an annotation belongs',
    reviewWith('{"a":'.repeat(1e6) + '1' + '}'.repeat(1e6), annotatedManifest({ 'models.example.io/size': '@' })),
    [200],
  ],
  ['nested lists that never end', reviewWith('['.repeat(6e6)), [400]],
  ['a list of two million empty objects', reviewWith(`[${'{},'.repeat(2e6)}{}]`), [200]],
  [
    'an object of three hundred thousand keys',
    reviewWith(`{${Array.from({ length: 3e5 }, (_, i) => `"k${i}":0`).join(',')}}`),
    [200],
  ],
  [
    'a hundred thousand containers of one name',
    reviewWith(`[${'{"name":"app"},'.repeat(1e5)}{"name":"app"}]`, {
      ...annotatedManifest(),
      spec: { containers: '@' },
    }),
    [200],
  ],
  [
    'ten thousand unknown annotations',
    JSON.stringify(
      reviewOf(
        annotatedManifest(Object.fromEntries(Array.from({ length: 1e4 }, (_, i) => [`models.example.io/x${i}`, 'y']))),
      ),
    ),
    [200],
  ],
  ['a number too large for any type', reviewWith('1e999999'), [200]],
  [
    'half a surrogate pair',
    JSON.stringify(reviewOf(annotatedManifest({ 'models.example.io/size': '\ud800', '\udfff': 'x' }))),
    [200],
  ],
  ['a duplicate key', reviewWith('1,"spec":{"containers":[]},"spec":null'), [200]],
  ['a __proto__ with fields', reviewWith('1,"__proto__":{"polluted":true}'), [400]],
  ['an escaped __proto__', reviewWith('1,"\\u005f_proto__":{"polluted":true}'), [400]],
  ['a constructor with a prototype', reviewWith('1,"constructor":{"prototype":{"polluted":true}}'), [400]],
  [
    'methods of objects as values',
    reviewWith('{"toString":1,"toJSON":1,"hasOwnProperty":1,"valueOf":1,"then":1}'),
    [200],
  ],
  [
    'a NUL in a name',
    reviewWith('1', {
      ...annotatedManifest(),
      metadata: { name: '\u0000', annotations: { 'models.example.io/source': '\u0000' } },
    }),
    [200],
  ],
]

for (const [what, payload, statuses] of hostile) {
  t.test(`${what} is answered with HTTP ${statuses.join(' or ')}, and soon`, async (t) => {
    const start = performance.now()
    const { statusCode } = await post(payload)
    t.ok(statuses.includes(statusCode), `HTTP ${statusCode}`)
    t.ok(performance.now() - start < 10_000, `took ${Math.round(performance.now() - start)} ms`)
    t.equal(({} as Fields).polluted, undefined)
    await answersProperly(t)
  })
}

t.test('hundreds of malformed reviews are all answered, and none with a fault of ours', async (t) => {
  const valid = JSON.stringify(reviewOf(annotatedManifest()))
  const random = seededRandom(20)
  const seen = new Map<number, number>()
  for (let i = 0; i < 600; i++) {
    const { statusCode } = await post(
      i % 2 === 0 ? damageText(valid, random) : JSON.stringify(damageValue(JSON.parse(valid), random)),
    )
    seen.set(statusCode, (seen.get(statusCode) ?? 0) + 1)
  }
  t.strictSame([...seen.keys()].sort(), [200, 400], JSON.stringify([...seen]))
  t.strictSame(
    server.log.lines.filter(({ level }) => level >= 50),
    [],
  )
  await answersProperly(t)
})

async function answersProperly(t: Test): Promise<void> {
  const { statusCode, body } = await post(JSON.stringify(reviewOf(annotatedManifest())))
  t.equal(statusCode, 200)
  t.match(JSON.parse(body), { response: { allowed: true, patchType: 'JSONPatch' } })
}

/** Cuts, doubles, overwrites or swaps a piece of the text. */
function damageText(text: string, random: () => number): Buffer {
  const bytes = Buffer.from(text)
  const at = Math.floor(random() * bytes.length)
  const length = 1 + Math.floor(random() * 20)
  const before = bytes.subarray(0, at)
  const after = bytes.subarray(at + length)
  const pieces = [
    Buffer.alloc(0),
    Buffer.from('{'),
    Buffer.from('\\ud800'),
    Buffer.from([0xc3]),
    Buffer.from('"'),
    Buffer.alloc(1),
    bytes.subarray(at, at + 40),
  ]
  return Buffer.concat([before, pick(pieces, random), after])
}

/** Puts something of another type into a random place. */
function damageValue(value: unknown, random: () => number): unknown {
  if (typeof value !== 'object' || value === null || random() < 0.1) {
    return pick([null, 0, -1, '', 'x', true, [], {}, [null], { name: null }, [[]], '\ud800', 1e308], random)
  }
  const keys = Object.keys(value)
  const key = pick(keys.length === 0 ? ['a'] : keys, random)
  const changed = damageValue((value as Fields)[key], random)
  return Array.isArray(value) ? value.with(0, changed) : { ...value, [key]: changed }
}

function pick<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)]!
}

/** The same damage in every run (mulberry32). */
function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
