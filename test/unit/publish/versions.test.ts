/** Names of versions, their order, ages, and what a mount shows: tables. */
import fc from 'fast-check'
import t from 'tap'
import { mountedPathsOf } from '../../../src/publish/prune/mounted-paths.ts'
import { isHiddenName, isVersionName } from '../../../src/publish/version-name.ts'
import { compareVersions, isPrerelease } from '../../../src/publish/version-order.ts'

t.test('versions come in the order that people mean', (t) => {
  const ordered = [
    'feedface',
    '0.9',
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-rc.2',
    '1.0.0-rc.10',
    '1.0.0',
    '1.0.0+8',
    '1.0.0+10',
    '1.0.1',
    'v1.2',
    '1.10',
    '2026-08-01',
    '2026-08-02',
    '2026.9',
  ]
  t.strictSame([...ordered].reverse().sort(compareVersions), ordered)
  t.end()
})

t.test('the order is total: no two different names are equal, and turning a pair turns the sign', (t) => {
  const name = fc.stringMatching(/^v?[0-9]{1,2}(\.[0-9]{1,2}){0,2}(-(rc|a)\.?[0-9])?(\+[0-9])?$/)
  fc.assert(
    fc.property(
      name,
      name,
      (a, b) =>
        Math.sign(compareVersions(a, b)) === -Math.sign(compareVersions(b, a)) &&
        (a === b) === (compareVersions(a, b) === 0),
    ),
    { numRuns: 300 },
  )
  t.end()
})

t.test('prereleases are recognised by their names', (t) => {
  t.strictSame(['1.0.0-rc.1', 'v2-beta', '1.0.0', '2026-08-01', '1.0.0+7', 'abc-1'].map(isPrerelease), [
    true,
    true,
    false,
    false,
    false,
    false,
  ])
  t.end()
})

t.test('a name that would leave its directory, hide, or be taken for another is no version', (t) => {
  for (const name of ['1.2.3', 'v1', '2026-08-01', 'a_b', '1.0+7', 'x'.repeat(100)]) t.ok(isVersionName(name), name)
  for (const name of [
    '',
    '.',
    '..',
    '.hidden',
    '-rf',
    'a/b',
    'a b',
    'a\n',
    'a:b',
    'ä',
    'current',
    'Newest',
    'x'.repeat(101),
  ]) {
    t.notOk(isVersionName(name), JSON.stringify(name))
  }
  t.strictSame(['_temporary', '.work', '..', '.', '1.0'].map(isHiddenName), [true, true, false, false, false])
  t.end()
})

t.test('a mount shows one version, current, all of them, or none', (t) => {
  const version = (name: string): unknown => [{ kind: 'version', version: name }]
  const [current, whole] = [[{ kind: 'current' }], [{ kind: 'whole' }]]
  const table: readonly [object, unknown][] = [
    [{}, whole],
    [{ subPath: '' }, whole],
    [{ subPath: './' }, whole],
    [{ subPath: 'versions' }, whole],
    [{ subPath: 'versions/' }, whole],
    [{ subPath: 'versions/1.2.3' }, version('1.2.3')],
    [{ subPath: 'versions//1.2.3/weights' }, version('1.2.3')],
    [{ subPath: 'current' }, current],
    [{ subPath: 'current/weights' }, current],
    [{ subPath: 'datasets' }, []],
    [{ subPath: '.trash/1-1.0.0' }, []],
    [{ subPathExpr: 'versions/1.2.3' }, version('1.2.3')],
    [{ subPathExpr: 'versions/1.2.3/$(A)' }, version('1.2.3')],
    [{ subPathExpr: 'versions/1.2.$(A)' }, whole],
    [{ subPathExpr: '$(A)' }, whole],
    [{ subPathExpr: 'current/$(A)' }, current],
  ]
  for (const [mount, reach] of table) t.strictSame(mountedPathsOf(mount), reach, JSON.stringify(mount))
  t.end()
})
