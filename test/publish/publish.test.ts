/** `publish` against a real S3 server: what becomes a version of the volume, and where `current` leads. */
import { lstat, mkdir, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { startConnectProxy } from '../kit/s3/connect-proxy.ts'
import { startFaultProxy } from '../kit/s3/s3-fault-proxy.ts'
import {
  currentOf,
  publisherEndsWith,
  holds,
  inventoryOf,
  shelfOf,
  startPublishWorld,
  versionsOn,
} from './publish-world.ts'

const world = await startPublishWorld(t.testdir())
t.teardown(() => world.stop())
t.setTimeout(300_000)

const first = { 'config.json': '{"layers":2}', 'weights/part-1.bin': 'first weights' }
const second = { 'config.json': '{"layers":3}', 'weights/part-1.bin': 'second weights', empty: '' }

t.test('every version with a manifest is published, and current leads to the newest by a relative link', async (t) => {
  const shelf = await shelfOf(t, world)
  await shelf.upload('1.2.10', second)
  await shelf.upload('1.2.9', first)
  const end = await shelf.run()
  publisherEndsWith(t, end, 0)
  t.match(end.stdout, /\n2 published \(1\.2\.10, 1\.2\.9\), 0 there already\ncurrent leads to 1\.2\.10\n$/)
  await holds(t, shelf, '1.2.9', first)
  await holds(t, shelf, '1.2.10', second)
  t.equal(await currentOf(shelf), 'versions/1.2.10')
  t.strictSame(await readdir(join(shelf.root, '.publish/incoming')), [], 'no work in progress is left')
  t.equal((await stat(join(shelf.root, 'versions/1.2.9'))).mode & 0o777, 0o755)
  t.equal((await stat(join(shelf.root, 'versions/1.2.9/config.json'))).mode & 0o777, 0o644)
})

t.test('a second run fetches nothing and changes nothing of the versions', async (t) => {
  const shelf = await shelfOf(t, world)
  await shelf.upload('1.0.0', first)
  publisherEndsWith(t, await shelf.run(), 0)
  const before = await inventoryOf(join(shelf.root, 'versions'))
  world.proxy.reset()
  const end = await shelf.run()
  publisherEndsWith(t, end, 0)
  t.match(end.stdout, /^0 published, 1 there already\ncurrent leads to 1\.0\.0, as before\n$/)
  t.strictSame(
    world.proxy.requests.filter(({ operation }) => operation !== 'list'),
    [],
  )
  t.strictSame(await inventoryOf(join(shelf.root, 'versions')), before)
})

t.test('a manifest is found by listing: no HEAD is sent for one that may be missing', async (t) => {
  const shelf = await shelfOf(t, world)
  await shelf.upload('1.0.0', first, 'none')
  publisherEndsWith(t, await shelf.run(), 0)
  t.strictSame(
    world.proxy.requests.filter(({ operation }) => operation !== 'list'),
    [],
  )
  const asked = world.proxy.requests.map(({ prefix }) => prefix)
  t.strictSame(asked, [shelf.prefix, `${shelf.prefix}1.0.0/manifest.sha256`])
})

t.test('a version that is still being uploaded is not published; it is when its manifest is there', async (t) => {
  const shelf = await shelfOf(t, world)
  await shelf.upload('1.0.0', first, 'none')
  const end = await shelf.run()
  publisherEndsWith(t, end, 0)
  t.match(end.stdout, /1\.0\.0 is not published yet: it has no manifest\.sha256/)
  t.strictSame([await versionsOn(shelf), await currentOf(shelf)], [[], undefined])
  await shelf.uploadManifest('1.0.0', first)
  publisherEndsWith(t, await shelf.run(), 0)
  await holds(t, shelf, '1.0.0', first)
})

t.test('an object whose key only begins like that of the manifest is none', async (t) => {
  const shelf = await shelfOf(t, world)
  await shelf.upload('1.0.0', { ...first, 'manifest.sha256.sig': 'signature' }, 'none')
  publisherEndsWith(t, await shelf.run(), 0)
  t.strictSame(await versionsOn(shelf), [])
})

t.test(
  'a file that is not as the manifest says, is missing or is too much, keeps its version out and no other',
  async (t) => {
    const shelf = await shelfOf(t, world)
    await shelf.upload('3.0.0', { ...first, 'config.json': '{"layers":9}' }, first)
    await shelf.upload('2.0.0', first, { ...first, 'weights/part-2.bin': 'lost' })
    await shelf.upload('1.9.0', { ...first, extra: '' }, first)
    await shelf.upload('1.8.0', first, {})
    await shelf.upload('1.0.0', second)
    const end = await shelf.run()
    publisherEndsWith(
      t,
      end,
      15,
      /^verification failed: 3\.0\.0 is not published: config\.json has the SHA-256 .+ \(and 3 more: 2\.0\.0, 1\.9\.0, 1\.8\.0\); .+ \(exit 15\)$/,
    )
    t.match(end.stdout, /1\.9\.0 is not published: .*1 files are not in the manifest: extra/)
    t.match(end.stdout, /1\.8\.0 is not published: .*manifest\.sha256 names no file/)
    t.strictSame([await versionsOn(shelf), await currentOf(shelf)], [['1.0.0'], 'versions/1.0.0'])
    await holds(t, shelf, '1.0.0', second)
  },
)

t.test('a byte that changed on the way is not published', async (t) => {
  const shelf = await shelfOf(t, world)
  await shelf.upload('1.0.0', first)
  world.proxy.fault({
    match: { operation: 'get', key: /config\.json$/ },
    times: 'always',
    action: { kind: 'corrupt', atByte: 3 },
  })
  const end = await shelf.run()
  t.not(end.code, 0)
  t.strictSame([await versionsOn(shelf), await currentOf(shelf)], [[], undefined])
})

t.test('objects of one version that may not be read keep the others from nothing', async (t) => {
  const shelf = await shelfOf(t, world)
  await shelf.upload('2.0.0', first)
  await shelf.upload('1.0.0', second)
  world.proxy.fault({
    match: { operation: 'get', key: /2\.0\.0\/config/ },
    times: 'always',
    action: { kind: 'status', status: 403, code: 'AccessDenied' },
  })
  publisherEndsWith(t, await shelf.run(), 10, /^access denied: 2\.0\.0 is not published/)
  t.strictSame(await versionsOn(shelf), ['1.0.0'])
})

t.test('with a required tag only a manifest that carries it publishes its version', async (t) => {
  const shelf = await shelfOf(t, world)
  for (const version of ['1.0.0', '1.1.0', '1.2.0']) await shelf.upload(version, first)
  await shelf.tag('1.0.0', 'status', 'published')
  await shelf.tag('1.1.0', 'status', 'draft')
  const args = ['--required-tag', 'status=published']
  const end = await shelf.run(args)
  publisherEndsWith(t, end, 0)
  t.match(end.stdout, /1\.2\.0 is not published yet: its manifest\.sha256 has no tag "status=published"/)
  t.strictSame([await versionsOn(shelf), await currentOf(shelf)], [['1.0.0'], 'versions/1.0.0'])
  await shelf.tag('1.1.0', 'status', 'published')
  publisherEndsWith(t, await shelf.run(args), 0)
  t.strictSame([await versionsOn(shelf), await currentOf(shelf)], [['1.0.0', '1.1.0'], 'versions/1.1.0'])
})

t.test('a version that is gone from the bucket, or lost its tag, stays on the volume', async (t) => {
  const shelf = await shelfOf(t, world)
  for (const version of ['1.0.0', '1.1.0']) {
    await shelf.upload(version, first)
    await shelf.tag(version, 'status', 'published')
  }
  publisherEndsWith(t, await shelf.run(['--required-tag', 'status=published']), 0)
  for (const path of [...Object.keys(first), 'manifest.sha256']) {
    await world.server.deleteObject('models', `${shelf.prefix}1.1.0/${path}`)
  }
  await shelf.tag('1.0.0', 'status', 'withdrawn')
  const before = await inventoryOf(join(shelf.root, 'versions'))
  publisherEndsWith(t, await shelf.run(['--required-tag', 'status=published']), 0)
  t.strictSame(await inventoryOf(join(shelf.root, 'versions')), before)
  t.equal(await currentOf(shelf), 'versions/1.1.0')
})

t.test('a version that was changed in the bucket stays as it was published, with a warning', async (t) => {
  const shelf = await shelfOf(t, world)
  await shelf.upload('1.0.0', first)
  publisherEndsWith(t, await shelf.run(), 0)
  await shelf.upload('1.0.0', { ...first, 'config.json': '{"layers":7}' })
  const end = await shelf.run()
  publisherEndsWith(t, end, 0)
  t.match(end.stdout, /warning: 1\.0\.0 was changed in the bucket after it was published/)
  await holds(t, shelf, '1.0.0', first)
})

t.test(
  'current moves forward only: an older version that comes later is published and does not become current',
  async (t) => {
    const shelf = await shelfOf(t, world)
    await shelf.upload('2.0.0', second)
    publisherEndsWith(t, await shelf.run(), 0)
    await shelf.upload('1.9.9', first)
    await shelf.upload('3.0.0-rc.1', first)
    publisherEndsWith(t, await shelf.run(), 0)
    t.strictSame(await versionsOn(shelf), ['1.9.9', '2.0.0', '3.0.0-rc.1'])
    t.equal(await currentOf(shelf), 'versions/2.0.0')
    await shelf.upload('2.0.1', first)
    const end = await shelf.run()
    publisherEndsWith(t, end, 0)
    t.match(end.stdout, /current leads to 2\.0\.1, not to 2\.0\.0 any more/)
    t.equal(await currentOf(shelf), 'versions/2.0.1')
  },
)

t.test('--current rolls back and stays there over later runs, until --current newest', async (t) => {
  const shelf = await shelfOf(t, world)
  await shelf.upload('1.0.0', first)
  await shelf.upload('1.1.0', second)
  publisherEndsWith(t, await shelf.run(), 0)
  publisherEndsWith(t, await shelf.run(['--current', '1.0.0']), 0)
  t.equal(await currentOf(shelf), 'versions/1.0.0')
  await shelf.upload('1.2.0', first)
  const end = await shelf.run()
  publisherEndsWith(t, end, 0)
  t.match(end.stdout, /current is pinned to 1\.0\.0, and 1\.2\.0 is newer; --current newest follows the newest again/)
  t.strictSame([await versionsOn(shelf), await currentOf(shelf)], [['1.0.0', '1.1.0', '1.2.0'], 'versions/1.0.0'])
  publisherEndsWith(t, await shelf.run(['--current', 'newest']), 0)
  t.equal(await currentOf(shelf), 'versions/1.2.0')
})

t.test('--current of a version that does not exist is refused, and pins nothing', async (t) => {
  const shelf = await shelfOf(t, world)
  await shelf.upload('1.0.0', first)
  publisherEndsWith(t, await shelf.run(), 0)
  const before = await inventoryOf(shelf.root)
  publisherEndsWith(
    t,
    await shelf.run(['--current', '1.0.1']),
    12,
    /there is no version "1\.0\.1".*--current takes one of 1\.0\.0, or newest/,
  )
  t.strictSame(await inventoryOf(shelf.root), before)
})

t.test(
  'names without an order become current by the time of their manifests where that is asked for, and else not by themselves',
  async (t) => {
    const shelf = await shelfOf(t, world)
    await shelf.upload('f00ba4', first)
    await shelf.upload('aa11bb', second)
    for (const [version, day] of [
      ['f00ba4', '2026-03-02'],
      ['aa11bb', '2026-03-01'],
    ] as const) {
      await world.server.setLastModified('models', `${shelf.prefix}${version}/manifest.sha256`, new Date(day))
    }
    const end = await shelf.run()
    publisherEndsWith(t, end, 0)
    t.match(
      end.stdout,
      /current leads nowhere yet\ncurrent is not moved by itself to a version without a place in the order/,
    )
    t.equal(await currentOf(shelf), undefined)
    publisherEndsWith(t, await shelf.run(['--newest-by', 'modified']), 0)
    t.equal(await currentOf(shelf), 'versions/f00ba4')
  },
)

t.test('files of others on the volume are never touched', async (t) => {
  const shelf = await shelfOf(t, world)
  await shelf.upload('1.0.0', first)
  await shelf.upload('1.1.0', first)
  await mkdir(join(shelf.root, 'versions/1.1.0'), { recursive: true })
  await writeFile(join(shelf.root, 'versions/1.1.0/notes.txt'), 'mine')
  await mkdir(join(shelf.root, 'datasets'))
  await writeFile(join(shelf.root, 'datasets/a.csv'), '1,2')
  publisherEndsWith(
    t,
    await shelf.run(),
    18,
    /1\.1\.0 is not published: .*versions\/1\.1\.0 is there, and was not made by publish/,
  )
  t.strictSame(await readdir(join(shelf.root, 'versions/1.1.0')), ['notes.txt'])
  t.equal(await readFile(join(shelf.root, 'datasets/a.csv'), 'utf8'), '1,2')
  t.equal(await currentOf(shelf), 'versions/1.0.0')
})

t.test(
  'a current that leads elsewhere is left there until --current says otherwise; a directory of that name ends the run',
  async (t) => {
    const shelf = await shelfOf(t, world)
    await shelf.upload('1.0.0', first)
    await symlink('datasets/old', join(shelf.root, 'current'))
    const end = await shelf.run()
    publisherEndsWith(t, end, 0)
    t.match(end.stdout, /current leads to "datasets\/old", which publish did not make/)
    t.equal(await currentOf(shelf), 'datasets/old')
    await rm(join(shelf.root, 'current'))
    await mkdir(join(shelf.root, 'current'))
    publisherEndsWith(t, await shelf.run(), 18, /current is a directory, not a link/)
    t.ok((await lstat(join(shelf.root, 'current'))).isDirectory())
  },
)

t.test(
  'the empty directory that the kubelet makes for a subPath is no version, and does not stand in the way',
  async (t) => {
    const shelf = await shelfOf(t, world)
    await shelf.upload('1.0.0', first)
    await mkdir(join(shelf.root, 'versions/1.0.0'), { recursive: true })
    publisherEndsWith(t, await shelf.run(), 0)
    await holds(t, shelf, '1.0.0', first)
  },
)

t.test('names that cannot be directories are left out with a warning, and work in progress in silence', async (t) => {
  const shelf = await shelfOf(t, world)
  await shelf.upload('1.0.0', first)
  await shelf.upload('_temporary', first)
  await shelf.upload('newest', first)
  await shelf.upload('my model', first)
  const end = await shelf.run()
  publisherEndsWith(t, end, 0)
  t.match(end.stdout, /warning: left out, because their names are no names of versions: "my model", "newest"/)
  t.strictSame(await versionsOn(shelf), ['1.0.0'])
})

t.test(
  'a server that wants the bucket in the host name, and the reader to pay, is asked so for listing and bytes',
  async (t) => {
    const shelf = await shelfOf(t, world)
    await shelf.upload('1.0.0', first)
    // Such servers refuse paths that begin with a bucket: theirs begin with a key.
    const placeOf = (path: string, host = ''): string =>
      `/${/^([a-z]+)\.s3\.example\.test/.exec(host)?.[1] ?? 'elsewhere'}${path}`
    const server = await startFaultProxy(world.server, { tls: true, placeOf, requesterPays: true })
    t.teardown(() => server.stop())
    const { port } = new URL(server.endpoint)
    const proxy = await startConnectProxy(Number(port))
    t.teardown(() => proxy.stop())
    const env = { HTTPS_PROXY: proxy.url, NODE_EXTRA_CA_CERTS: server.caCertificateFile ?? '' }
    const there = ['--endpoint', `https://s3.example.test:${port}`, '--addressing', 'virtual']
    publisherEndsWith(t, await shelf.run(there, env), 10, /access denied/)
    t.strictSame(await versionsOn(shelf), [])
    publisherEndsWith(t, await shelf.run([...there, '--requester-pays'], env), 0)
    await holds(t, shelf, '1.0.0', first)
    t.strictSame([...new Set(proxy.asked)], [`models.s3.example.test:${port}`])
  },
)

t.test('a dry run says what would happen and writes nothing', async (t) => {
  const shelf = await shelfOf(t, world)
  await shelf.upload('1.0.0', first)
  const end = await shelf.run(['--dry-run', '-o', 'json'])
  t.equal(end.code, 0)
  t.strictSame(JSON.parse(end.stdout), {
    dryRun: true,
    published: ['1.0.0'],
    present: [],
    failed: [],
    current: { version: '1.0.0', moved: true },
  })
  t.strictSame(await inventoryOf(shelf.root), {})
})

t.test('machines get one JSON document on stdout, with what failed and why', async (t) => {
  const shelf = await shelfOf(t, world)
  await shelf.upload('1.1.0', first, second)
  await shelf.upload('1.0.0', first)
  const end = await shelf.run(['-o', 'json'])
  t.equal(end.code, 15)
  t.match(JSON.parse(end.stdout), {
    dryRun: false,
    published: ['1.0.0'],
    present: [],
    current: { version: '1.0.0', moved: true },
    failed: [
      {
        version: '1.1.0',
        exit: 15,
        message: /files of the manifest are missing/,
        remedy: /publish it under a new version/,
      },
    ],
  })
  t.match(end.stderr, /\(exit 15\)\n$/)
  t.equal(await readlink(join(shelf.root, 'current')), 'versions/1.0.0')
})
