/** The target of `current`: forward by itself, elsewhere only by an option. */
import t from 'tap'
import { decideCurrent, newestFirst, type Order } from '../../../src/publish/decide-current.ts'
import type { Current, HeldVersion } from '../../../src/publish/volume-state.ts'

/** Versions with the day of their manifest. */
function held(days: Readonly<Record<string, number>>): ReadonlyMap<string, HeldVersion> {
  return new Map(
    Object.entries(days).map(([version, number]) => [
      version,
      {
        version,
        publishedMs: 0,
        inUseMs: undefined,
        record: {
          schema: 1,
          version,
          source: 's3://b/p/',
          manifest: { sha256: '', etag: '', lastModified: new Date(number * 86_400_000).toISOString() },
          files: 1,
          bytes: 1,
        },
      },
    ]),
  )
}

const none: Current = { kind: 'none' }
const at = (version: string, there = true): Current => ({ kind: 'version', version, there })

interface Case {
  readonly name: string
  readonly versions: Readonly<Record<string, number>>
  readonly current: Current
  readonly pinned?: string
  readonly order?: Order
  readonly move: string | undefined
  readonly why?: RegExp
}

const cases: readonly Case[] = [
  { name: 'an empty volume has no current', versions: {}, current: none, move: undefined },
  { name: 'the first current is the newest', versions: { '1.9.0': 2, '1.10.0': 1 }, current: none, move: '1.10.0' },
  { name: 'a newer version moves it', versions: { '1.0.0': 1, '1.0.1': 2 }, current: at('1.0.0'), move: '1.0.1' },
  {
    name: 'an older version that came later does not',
    versions: { '2.0.0': 1, '1.9.9': 9 },
    current: at('2.0.0'),
    move: undefined,
  },
  {
    name: 'a current that is newer than all there is stays',
    versions: { '1.0.0': 1 },
    current: at('2.0.0'),
    move: undefined,
  },
  {
    name: 'one that is not there does not go back by itself',
    versions: { '1.0.0': 1 },
    current: at('2.0.0', false),
    move: undefined,
    why: /2\.0\.0, which is not there/,
  },
  {
    name: 'a prerelease does not become current by itself',
    versions: { '1.0.0': 1, '2.0.0-rc.1': 2 },
    current: at('1.0.0'),
    move: undefined,
  },
  {
    name: 'nor where it is all there is',
    versions: { '2.0.0-rc.1': 2 },
    current: none,
    move: undefined,
    why: /prerelease: 2\.0\.0-rc\.1/,
  },
  {
    name: 'a release moves it from its prerelease',
    versions: { '2.0.0-rc.1': 2, '2.0.0': 3 },
    current: at('2.0.0-rc.1'),
    move: '2.0.0',
  },
  {
    name: 'a name without an order is not moved away from',
    versions: { abc: 1, '1.0.0': 2 },
    current: at('abc'),
    move: undefined,
    why: /nothing says whether 1\.0\.0 is newer/,
  },
  {
    name: 'by time the last manifest wins',
    versions: { abc: 2, def: 1 },
    current: at('def'),
    order: 'modified',
    move: 'abc',
  },
  {
    name: 'by time an older manifest does not',
    versions: { abc: 2, def: 1 },
    current: at('abc'),
    order: 'modified',
    move: undefined,
  },
  {
    name: 'the pinned version wins over newer ones',
    versions: { '1.0.0': 1, '2.0.0': 2 },
    current: at('2.0.0'),
    pinned: '1.0.0',
    move: '1.0.0',
  },
  {
    name: 'pinned, it stays',
    versions: { '1.0.0': 1, '2.0.0': 2 },
    current: at('1.0.0'),
    pinned: '1.0.0',
    move: undefined,
    why: /pinned to 1\.0\.0, and 2\.0\.0 is newer/,
  },
  {
    name: 'pinned to what is not there yet, it stays',
    versions: { '1.0.0': 1 },
    current: at('1.0.0'),
    pinned: '3.0.0',
    move: undefined,
    why: /pinned to 3\.0\.0/,
  },
  {
    name: 'a link of others stays',
    versions: { '1.0.0': 1 },
    current: { kind: 'foreign', target: '../x' },
    move: undefined,
    why: /publish did not make/,
  },
  {
    name: 'a link of others is replaced where that is asked for',
    versions: { '1.0.0': 1 },
    current: { kind: 'foreign', target: '../x' },
    pinned: '1.0.0',
    move: '1.0.0',
  },
]

for (const { name, versions, current, pinned, order = 'version', move, why } of cases) {
  t.test(name, (t) => {
    const decision = decideCurrent({ versions: held(versions), current, pinned }, order)
    t.equal(decision.move, move)
    if (decision.move === undefined) t.match(decision.why ?? '', why ?? /^$/)
    t.end()
  })
}

t.test('a version that is not known to be whole never becomes current', (t) => {
  const foreign = new Map([
    ['9.0.0', { version: '9.0.0', record: undefined, publishedMs: undefined, inUseMs: undefined }],
  ])
  t.strictSame(decideCurrent({ versions: foreign, current: none, pinned: undefined }, 'version'), { move: undefined })
  t.strictSame(decideCurrent({ versions: foreign, current: none, pinned: '9.0.0' }, 'version').move, undefined)
  t.end()
})

t.test('versions are sorted by their names, and by time where that is asked for', (t) => {
  const dated = [
    ['1.10.0', '2026-01-01'],
    ['1.9.0', '2026-01-03'],
    ['1.9.0-rc.1', '2026-01-02'],
  ].map(([version = '', lastModified = '']) => ({ version, manifest: { lastModified } }))
  t.strictSame(
    newestFirst(dated, 'version').map(({ version }) => version),
    ['1.10.0', '1.9.0', '1.9.0-rc.1'],
  )
  t.strictSame(
    newestFirst(dated, 'modified').map(({ version }) => version),
    ['1.9.0', '1.9.0-rc.1', '1.10.0'],
  )
  t.end()
})
