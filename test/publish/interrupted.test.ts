/** Publishers that are killed, that run at once, and readers that look while they work. */
import { readdir, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { waitFor } from '../kit/tools/wait-for.ts'
import {
  currentOf,
  publisherEndsWith,
  holds,
  inventoryOf,
  shelfOf,
  startPublishWorld,
  versionsOn,
  type Shelf,
} from './publish-world.ts'

const world = await startPublishWorld(t.testdir())
t.teardown(() => world.stop())
t.setTimeout(300_000)

const small = { 'config.json': '{"layers":2}', 'weights/part-1.bin': 'weights' }
const slow = { 'a.bin': 'first', 'z.bin': new Uint8Array(200_000).fill(7) }

/** Sends the second object slowly, and resolves once the first is known to be on the disk. */
async function startSlowly(t: Test, shelf: Shelf): Promise<ReturnType<Shelf['start']>> {
  const fault = world.proxy.fault({
    match: { operation: 'get', key: /z\.bin$/ },
    times: 'always',
    action: { kind: 'stall', afterBytes: 1000 },
  })
  const running = shelf.start()
  t.teardown(() => running.child.kill('SIGKILL'))
  await waitFor('the journal of the first object', async () => {
    const [staging] = (await readdir(join(shelf.root, '.publish/incoming'))).filter((name) =>
      name.startsWith('.staging-'),
    )
    const journal = await readFile(join(shelf.root, '.publish/incoming', staging ?? '', 'journal.ndjson'), 'utf8')
    return journal.includes('a.bin') || undefined
  })
  fault.remove()
  return running
}

t.test(
  'a publisher that is killed in the middle leaves no version, and the next run goes on from what is on the disk',
  async (t) => {
    const shelf = await shelfOf(t, world)
    await shelf.upload('1.0.0', small)
    publisherEndsWith(t, await shelf.run(), 0)
    await shelf.upload('1.1.0', slow)
    const running = await startSlowly(t, shelf)
    running.child.kill('SIGKILL')
    t.equal((await running.end).signal, 'SIGKILL')
    t.strictSame([await versionsOn(shelf), await currentOf(shelf)], [['1.0.0'], 'versions/1.0.0'])
    world.proxy.reset()
    const startedAtMs = performance.now()
    const end = await shelf.run()
    publisherEndsWith(t, end, 0)
    const tookMs = performance.now() - startedAtMs
    t.ok(tookMs < 60_000, `its locks were taken over within seconds: the run took ${tookMs} ms`)
    t.match(end.stdout, /^waiting for another process of publish \(lock-version-1\.1\.0\)$/m)
    t.match(end.stdout, / bytes of them from an earlier run/)
    t.notOk(
      world.proxy.requests.some(({ operation, key }) => operation === 'get' && key?.endsWith('a.bin')),
      'the first object is not fetched again',
    )
    await holds(t, shelf, '1.1.0', slow)
    t.equal(await currentOf(shelf), 'versions/1.1.0')
    t.strictSame(await readdir(join(shelf.root, '.publish/incoming')), [])
  },
)

t.test('a publisher that gets SIGTERM says so, and holds up no other publisher', async (t) => {
  const shelf = await shelfOf(t, world)
  await shelf.upload('1.1.0', slow)
  const running = await startSlowly(t, shelf)
  running.child.kill('SIGTERM')
  publisherEndsWith(t, await running.end, 143, /^SIGTERM: stopped on request; the next run continues \(exit 143\)$/)
  t.strictSame(await versionsOn(shelf), [])
  publisherEndsWith(t, await shelf.run(), 0)
  await holds(t, shelf, '1.1.0', slow)
})

t.test('a publisher that was killed between a version and current is made up for by the next run', async (t) => {
  const shelf = await shelfOf(t, world)
  await shelf.upload('1.0.0', small)
  await shelf.upload('1.1.0', small)
  publisherEndsWith(t, await shelf.run(['--current', '1.0.0']), 0)
  // State after that kill: both versions in their places, and current at the older one.
  await rename(join(shelf.root, '.publish/pinned'), join(shelf.root, '.publish/not-pinned'))
  const end = await shelf.run()
  publisherEndsWith(t, end, 0)
  t.match(end.stdout, /0 published, 2 there already/)
  t.equal(await currentOf(shelf), 'versions/1.1.0')
})

t.test(
  'a version whose record was written, but that never came to its place, is published by the next run',
  async (t) => {
    const shelf = await shelfOf(t, world)
    await shelf.upload('1.0.0', small)
    publisherEndsWith(t, await shelf.run(), 0)
    await rename(join(shelf.root, 'versions/1.0.0'), join(shelf.root, 'taken-away'))
    publisherEndsWith(t, await shelf.run(), 0)
    await holds(t, shelf, '1.0.0', small)
  },
)

t.test('two publishers at once fetch a version once, and both end well', async (t) => {
  const shelf = await shelfOf(t, world)
  await shelf.upload('1.0.0', slow)
  await shelf.upload('1.1.0', slow)
  const ends = await Promise.all([shelf.run(), shelf.run()])
  for (const end of ends) publisherEndsWith(t, end, 0)
  for (const version of ['1.0.0', '1.1.0']) {
    await holds(t, shelf, version, slow)
    const gets = world.proxy.requests.filter(
      ({ operation, key }) => operation === 'get' && key === `${shelf.prefix}${version}/z.bin`,
    )
    t.equal(gets.length, 1, `${version} is fetched once`)
  }
  t.equal(await currentOf(shelf), 'versions/1.1.0')
  t.strictSame(
    (await readdir(join(shelf.root, '.publish'))).filter((name) => /^(lock|current)-/.test(name)),
    [],
    'no lock and no half a link is left',
  )
})

t.test('a reader that looks all the time finds a whole version at current at every moment', async (t) => {
  const shelf = await shelfOf(t, world)
  const [first, ...rest] = ['1.0.0', '1.1.0', '1.2.0', '1.3.0'] as const
  await shelf.upload(first, { model: first })
  publisherEndsWith(t, await shelf.run(), 0)
  const seen = new Set<string>()
  let [reads, misses, stop] = [0, 0, false]
  const reader = (async () => {
    while (!stop) {
      reads++
      await readFile(join(shelf.root, 'current/model'), 'utf8').then(
        (text) => seen.add(text),
        () => misses++,
      )
    }
  })()
  for (const version of rest) {
    await shelf.upload(version, { model: version })
    publisherEndsWith(t, await shelf.run(), 0)
  }
  await waitFor('a read of the last version', () => Promise.resolve(seen.has('1.3.0') || undefined))
  stop = true
  await reader
  t.equal(misses, 0, `${reads} reads`)
  t.strictSame([...seen], ['1.0.0', '1.1.0', '1.2.0', '1.3.0'], 'in this order, and never back')
})

t.test('current is not moved to a version of which files were taken away', async (t) => {
  const shelf = await shelfOf(t, world)
  await shelf.upload('1.0.0', small)
  await shelf.upload('1.1.0', small)
  publisherEndsWith(t, await shelf.run(['--current', '1.0.0']), 0)
  await rename(join(shelf.root, 'versions/1.1.0/config.json'), join(shelf.root, 'taken-away'))
  const before = await inventoryOf(join(shelf.root, 'versions'))
  publisherEndsWith(
    t,
    await shelf.run(['--current', 'newest']),
    18,
    /versions\/1\.1\.0 does not hold what was published there, so current is not moved to it/,
  )
  t.equal(await currentOf(shelf), 'versions/1.0.0')
  t.strictSame(await inventoryOf(join(shelf.root, 'versions')), before)
})

t.test('a mounted version stays the same directory when the next one is published', async (t) => {
  const shelf = await shelfOf(t, world)
  await shelf.upload('1.0.0', small)
  publisherEndsWith(t, await shelf.run(), 0)
  const { ino } = await stat(join(shelf.root, 'versions/1.0.0'))
  await shelf.upload('1.1.0', small)
  publisherEndsWith(t, await shelf.run(), 0)
  t.equal((await stat(join(shelf.root, 'versions/1.0.0'))).ino, ino)
})
