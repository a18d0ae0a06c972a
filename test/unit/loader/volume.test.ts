import { execFileSync } from 'node:child_process'
import {
  access,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import t, { type Test } from 'tap'
import type { LoadTask } from '../../../src/loader/environment.ts'
import { LoaderFailure } from '../../../src/loader/exit-codes.ts'
import type { ModelObject } from '../../../src/loader/listing.ts'
import { refuseOtherThanListed } from '../../../src/loader/volume/comparison.ts'
import { openBelow } from '../../../src/loader/volume/directory.ts'
import { partBytes } from '../../../src/loader/volume/evidence.ts'
import { readJournal, type JournaledPart } from '../../../src/loader/volume/journal.ts'
import { layoutOf, type Layout } from '../../../src/loader/volume/layout.ts'
import { acquireLock, type LockRequest } from '../../../src/loader/volume/lock.ts'
import { findPublished, type Marker } from '../../../src/loader/volume/published.ts'
import { measureRoom } from '../../../src/loader/volume/space.ts'
import { discardStaging, openStaging, publishStaging, removeStaleStagings } from '../../../src/loader/volume/staging.ts'
import { loadTask } from '../../kit/s3/load-task.ts'

const objects: readonly ModelObject[] = [
  { key: 'm/config.json', path: 'config.json', size: 2, etag: '"1"' },
  { key: 'm/shards/a.bin', path: 'shards/a.bin', size: 3, etag: '"2"' },
]

t.test('staging is published as a whole, with modes that every user of the pod can read', async (t) => {
  const { task, layout } = volumeOf(t)
  const staging = await openStaging(layout, task, objects)
  await fill(layout)
  await staging.journal.append([partOf(objects[0])])
  t.strictSame(await findPublished(layout, task), undefined, 'nothing is there before')

  t.equal(await publishStaging(staging, task, markerOf(task)), true)

  t.strictSame((await readdir(layout.published)).sort(), ['files', 'marker.json'])
  t.match(await findPublished(layout, task), { files: 2, bytes: 5 })
  t.strictSame(await readdir(task.root), [task.id], 'no staging is left')
  t.equal((await stat(layout.published)).mode & 0o777, 0o755)
  t.equal((await stat(join(layout.publishedFiles, 'shards'))).mode & 0o777, 0o755)
})

t.test('a model that the app may write to is writable for its group', async (t) => {
  const { task, layout } = volumeOf(t, { MODEL_READ_ONLY: 'false' })
  const staging = await openStaging(layout, task, objects)
  await fill(layout)
  await publishStaging(staging, task, markerOf(task))
  t.equal((await stat(join(layout.publishedFiles, 'shards'))).mode & 0o777, 0o775)
})

t.test('the loader whose rename comes second publishes nothing, and nothing is nested or lost', async (t) => {
  const { task, layout } = volumeOf(t)
  const other = loadTask({ MODEL_ROOT: task.root, MODEL_POD_UID: 'other' })
  const [first, second] = [await openStaging(layout, task, objects), await openStaging(layoutOf(other), other, objects)]
  await fill(layout)
  await fill(layoutOf(other))
  t.equal(await publishStaging(first, task, markerOf(task)), true)
  t.equal(await publishStaging(second, other, markerOf(other)), false)
  t.strictSame((await readdir(layout.published)).sort(), ['files', 'marker.json'])
  await discardStaging(layoutOf(other))
  t.strictSame(await readdir(task.root), [task.id])
})

t.test('a file that an earlier run verified is kept for the same object, and nothing else', async (t) => {
  const { task, layout } = volumeOf(t)
  const first = await openStaging(layout, task, objects)
  await fill(layout)
  await first.journal.append(objects.map((object) => partOf(object)))
  await first.journal.close()
  await writeFile(layout.journal, `${await readFile(layout.journal, 'utf8')}{"path":"cut off`)
  await writeFile(join(layout.stagingFiles, 'gone.bin'), 'x')

  const changed: ModelObject = { key: 'm/shards/a.bin', path: 'shards/a.bin', size: 3, etag: '"other"' }
  const second = await openStaging(layout, task, [objects[0]!, changed])
  await second.journal.close()

  t.strictSame([...second.verified.keys()], ['config.json'])
  t.equal(second.verifiedBytes, 2)
  await t.rejects(
    access(join(layout.stagingFiles, 'gone.bin')),
    { code: 'ENOENT' },
    'a file that is not listed any more is gone',
  )
})

t.test('a file of full size without a journal is no evidence', async (t) => {
  const { task, layout } = volumeOf(t)
  const staging = await openStaging(layout, task, objects)
  await staging.journal.close()
  await fill(layout)
  t.equal((await openStaging(layout, task, objects)).verifiedBytes, 0)
})

const shard = 'shards/a.bin'

/** Things in the place of a file of the journal. `outside` holds the right bytes, and must keep them. */
const places: readonly (readonly [what: string, put: (file: string, outside: string) => unknown])[] = [
  ['nothing', () => undefined],
  ['a shorter file', (file) => writeFile(file, 'ab')],
  ['a longer file', (file) => writeFile(file, 'abcd')],
  ['a file of zeros', (file) => writeFile(file, Buffer.alloc(3))],
  ['a hole of its size', (file) => writeFile(file, '').then(() => truncate(file, 3))],
  ['a file of other bytes', (file) => writeFile(file, 'abx')],
  ['a directory', (file) => mkdir(join(file, 'below'), { recursive: true })],
]

for (const [what, put] of places) {
  t.test(`a line of the journal does not count where ${what} is in the place of its file, which goes`, async (t) => {
    const { task, layout } = await journaled(t)
    const outside = join(task.root, 'outside')
    await writeFile(outside, 'abc')
    await rm(join(layout.stagingFiles, shard))
    await put(join(layout.stagingFiles, shard), outside)
    const staging = await openStaging(layout, task, objects)
    await staging.journal.close()
    t.strictSame([...staging.verified.keys()], ['config.json'])
    t.equal(staging.verifiedBytes, 2)
    await t.rejects(lstat(join(layout.stagingFiles, shard)), { code: 'ENOENT' })
    t.equal(await readFile(outside, 'utf8'), 'abc', 'nothing is followed')
  })
}

/** Entries that a loader never makes. `outside` is a file that must stay as it is. */
const planted: readonly (readonly [what: string, plant: (path: string, outside: string) => unknown])[] = [
  ['a link', (path, outside) => symlink(outside, path)],
  ['a link', (path) => symlink('nowhere', path)],
  ['a pipe', (path) => execFileSync('mkfifo', [path])],
]

const ownPaths: readonly (readonly [what: string, path: (layout: Layout) => string])[] = [
  ['staging', ({ staging }) => staging],
  ['its files', ({ stagingFiles }) => stagingFiles],
  ['a directory of the model', ({ stagingFiles }) => join(stagingFiles, 'shards')],
  ['a file of the model', ({ stagingFiles }) => join(stagingFiles, shard)],
  ['a file that is not listed', ({ stagingFiles }) => join(stagingFiles, 'not-listed')],
  ['the journal', ({ journal }) => journal],
  ['the marker', ({ stagingMarker }) => stagingMarker],
]

for (const [place, pathOf] of ownPaths) {
  for (const [i, [what, plant]] of planted.entries()) {
    t.test(`${what} in the place of ${place} ends the loader, and stays (${i})`, async (t) => {
      const { task, layout } = await journaled(t)
      const path = pathOf(layout)
      const outside = join(task.root, 'outside')
      await writeFile(outside, 'abc')
      await rm(path, { recursive: true, force: true })
      await plant(path, outside)
      const message = new RegExp(`^${path} is ${what}, not a `)
      await t.rejects(openStaging(layout, task, objects), { exit: 'ForeignFiles', message })
      t.notOk((await lstat(path)).isFile(), 'it is not made again')
      t.equal(await readFile(outside, 'utf8'), 'abc', 'nothing is followed')
    })
  }
}

for (const [place, pathOf] of [
  ['the model', ({ published }) => published],
  ['its files', ({ publishedFiles }) => publishedFiles],
  ['a directory of the model', ({ publishedFiles }) => join(publishedFiles, 'shards')],
  ['a file of the model', ({ publishedFiles }) => join(publishedFiles, shard)],
  ['the marker', ({ publishedMarker }) => publishedMarker],
] as const satisfies typeof ownPaths) {
  for (const [i, [what, plant]] of planted.entries()) {
    t.test(`${what} in the place of ${place} on the volume ends the loader, and stays (${i})`, async (t) => {
      const { task, layout } = await published(t)
      const path = pathOf(layout)
      const kept = join(task.root, 'kept')
      await rename(path, kept)
      await plant(path, kept)
      const message = new RegExp(`^${path} is ${what}, not a `)
      await t.rejects(findPublished(layout, task), { exit: 'ForeignFiles', message })
      t.notOk((await lstat(path)).isFile())
    })
  }
}

for (const [i, [what, plant]] of planted.entries()) {
  t.test(`${what} in the place of the lock ends the loader, and stays (${i})`, async (t) => {
    const { layout } = volumeOf(t)
    await plant(layout.lock, layout.root)
    const request = lockFor('a', () => Promise.resolve(false), new AbortController().signal)
    const message = new RegExp(`^${layout.lock} is ${what}, not a directory$`)
    await t.rejects(acquireLock(layout, request), { exit: 'ForeignFiles', message })
    t.notOk((await lstat(layout.lock)).isDirectory())
  })

  t.test(`${what} in the place of the owner of the lock ends the loader, and stays (${i})`, async (t) => {
    const { layout } = volumeOf(t)
    const owner = join(layout.lock, 'owner')
    await mkdir(layout.lock)
    await plant(owner, layout.root)
    const request = lockFor('a', () => Promise.resolve(false), new AbortController().signal)
    await t.rejects(acquireLock(layout, request), { exit: 'ForeignFiles', message: `${owner} is ${what}, not a file` })
    t.notOk((await lstat(owner)).isFile())
  })

  for (const below of [shard, 'shards', '.']) {
    t.test(`${what} that comes in the place of ${below} during the load is not published (${i})`, async (t) => {
      const { task, layout } = volumeOf(t)
      const { journal, directories } = await openStaging(layout, task, objects)
      await journal.close()
      await fill(layout)
      const path = join(layout.stagingFiles, below).replace(/\/\.?$/, '')
      await rename(path, join(task.root, 'kept'))
      await plant(path, join(task.root, 'kept'))
      const message = new RegExp(`^${path} is ${what}, not a `)
      await t.rejects(refuseOtherThanListed(layout, objects, directories), { exit: 'ForeignFiles', message })
    })
  }
}

t.test('a link in the staging of a pod that is gone holds up no other pod', async (t) => {
  const { task, layout } = volumeOf(t)
  const stale = join(task.root, `.staging-${task.id}-gone`)
  await mkdir(stale)
  await symlink(task.root, join(stale, 'files'))
  const then = new Date(Date.now() - 3_600_000)
  await utimes(stale, then, then)
  t.strictSame(await removeStaleStagings(layout), [])
  t.ok((await lstat(join(stale, 'files'))).isSymbolicLink())
})

t.test('lines that speak of no part that is fetched like that do not count', async (t) => {
  const { task, layout } = await journaled(t, [
    { path: '../config.json' },
    { path: '/etc/passwd' },
    { offset: 1, length: 2 },
    { length: 2, crc: crcOf('ab') },
    { length: 0, crc: crcOf('') },
    { size: 4 },
    { offset: partBytes, length: 3 },
    { crc: '' },
    { crcAlgorithm: 'crc32c' },
  ])
  const staging = await openStaging(layout, task, objects)
  await staging.journal.close()
  t.strictSame([...staging.verified.keys()], [])
})

t.test('the last line that speaks of a part is the one that counts', async (t) => {
  const { task, layout } = await journaled(t, [{ crc: 'AAAAAA==' }, {}])
  const staging = await openStaging(layout, task, objects)
  await staging.journal.close()
  t.strictSame([...staging.verified.keys()], [shard])
})

t.test('parts of a large file count one by one, where they are within the file and hold what came', async (t) => {
  const { task, layout } = volumeOf(t)
  const object: ModelObject = { key: 'm/w', path: 'w', size: 3 * partBytes + 5, etag: '"w"' }
  const body = Buffer.alloc(object.size, 'the weights of a model')
  const parts = [0, 1, 2, 3].map((i): JournaledPart => {
    const bytes = body.subarray(i * partBytes, (i + 1) * partBytes)
    return { ...partOf(object), offset: i * partBytes, length: bytes.length, crc: crcOf(bytes) }
  })
  const first = await openStaging(layout, task, [object])
  await first.journal.append(parts)
  await first.journal.close()
  body[partBytes + 7] = 0
  await writeFile(join(layout.stagingFiles, 'w'), body.subarray(0, 3 * partBytes + 4))
  const said: string[] = []
  const staging = await openStaging(layout, task, [object], { say: (line) => said.push(line) })
  await staging.journal.close()
  t.strictSame(
    staging.verified.get('w')?.map(({ offset }) => offset),
    [0, 2 * partBytes],
  )
  t.equal(staging.verifiedBytes, 2 * partBytes)
  t.equal((await stat(join(layout.stagingFiles, 'w'))).size, 3 * partBytes + 4, 'the file stays')
})

t.test('reading back ends with the task', async (t) => {
  const { task, layout } = await journaled(t)
  const signal = AbortSignal.abort(new LoaderFailure('Terminated', 'stopped on request'))
  await t.rejects(openStaging(layout, task, objects, { signal }), { message: 'stopped on request' })
})

const damages: readonly (readonly [what: string, damage: (files: string) => Promise<unknown>, says: RegExp])[] = [
  ['a file is missing', (files) => rm(join(files, shard)), /"shards\/a\.bin" is missing/],
  ['a file is short', (files) => truncate(join(files, shard), 2), /"shards\/a\.bin" has 2 bytes, not 3/],
  ['a file is too much', (files) => writeFile(join(files, 'b'), ''), /"b" was not listed/],
  ['a directory is too much', (files) => mkdir(join(files, 'b')), /"b" was not listed/],
  [
    'a file is a directory',
    (files) => replaced(join(files, shard), (file) => mkdir(file)),
    /"shards\/a\.bin" was not listed/,
  ],
  ['all files are gone', (files) => rm(files, { recursive: true }), /files is gone/],
]

for (const [what, damage, says] of damages) {
  t.test(`staging in which ${what} is not published`, async (t) => {
    const { task, layout } = volumeOf(t)
    const staging = await openStaging(layout, task, objects)
    await fill(layout)
    await refuseOtherThanListed(layout, objects, staging.directories)
    await damage(layout.stagingFiles)
    await t.rejects(refuseOtherThanListed(layout, objects, staging.directories), {
      exit: 'VerificationFailed',
      message: says,
    })
    await staging.journal.close()
  })
}

t.test('a directory that has become a file makes room for it', async (t) => {
  const { task, layout } = volumeOf(t)
  await (await openStaging(layout, task, objects)).journal.close()
  const file: ModelObject = { key: 'm/shards', path: 'shards', size: 1, etag: '"3"' }
  await (await openStaging(layout, task, [file])).journal.close()
  t.strictSame(await readdir(layout.stagingFiles), [])
})

t.test('an empty directory at the destination, which the kubelet makes for a subPath, is removed', async (t) => {
  const { task, layout } = volumeOf(t)
  await mkdir(layout.publishedFiles, { recursive: true })
  t.equal(await findPublished(layout, task), undefined)
  await t.rejects(access(layout.published), { code: 'ENOENT' })
})

for (const [what, make] of [
  ['files without a marker', (layout: Layout) => writeFile(join(layout.published, 'foreign'), 'x')],
  [
    'the marker of another model',
    (layout: Layout) =>
      writeFile(layout.publishedMarker, JSON.stringify({ schema: 1, id: 'other', source: 's', files: 0, bytes: 0 })),
  ],
  ['a marker that was cut off', (layout: Layout) => writeFile(layout.publishedMarker, '{"schema":1')],
] as const) {
  t.test(`a destination with ${what} is left alone and ends the loader`, async (t) => {
    const { task, layout } = volumeOf(t)
    await mkdir(layout.published)
    await make(layout)
    await t.rejects(findPublished(layout, task), { exit: 'ForeignFiles', message: /has no marker of this loader/ })
    t.equal((await readdir(layout.published)).length, 1)
  })
}

t.test('a published model with a foreign file ends the loader, unless the app may write there', async (t) => {
  const { task, layout } = volumeOf(t)
  const staging = await openStaging(layout, task, objects)
  await fill(layout)
  await publishStaging(staging, task, markerOf(task))
  await writeFile(join(layout.publishedFiles, 'foreign'), '')
  await t.rejects(findPublished(layout, task), {
    exit: 'ForeignFiles',
    message: /has 3 files of 5 bytes, the loader wrote 2 of 5/,
  })
  t.match(await findPublished(layout, { ...task, readOnly: false }), { files: 2 })
})

t.test('stagings of others go when they have not changed for ten minutes', async (t) => {
  const { task, layout } = volumeOf(t)
  const ages: Readonly<Record<string, number>> = {
    [`.staging-${task.id}-old`]: 660,
    [`.staging-${task.id}-young`]: 300,
    '.staging-not-ours': 6000,
    [layout.stagingName]: 6000,
  }
  for (const [name, ageSeconds] of Object.entries(ages)) {
    await mkdir(join(task.root, name))
    await writeFile(join(task.root, name, 'journal.ndjson'), '')
    const then = new Date(Date.now() - ageSeconds * 1000)
    await utimes(join(task.root, name, 'journal.ndjson'), then, then)
    await utimes(join(task.root, name), then, then)
  }
  t.strictSame(await removeStaleStagings(layout), [`.staging-${task.id}-old`])
  t.strictSame(
    (await readdir(task.root)).sort(),
    ['.staging-not-ours', `.staging-${task.id}-young`, layout.stagingName].sort(),
  )
})

t.test('the size annotation and the free space are asked before the first byte', async (t) => {
  const { task } = volumeOf(t, { MODEL_SIZE_BYTES: '100' })
  const refuse = await measureRoom(task, 0)
  refuse(100)
  t.throws(
    () => {
      refuse(101)
    },
    { exit: 'NoSpace', message: /the model has 101, its size annotation says 100/ },
  )
  const unbounded = { ...task, sizeBytes: undefined }
  const refuseFull = await measureRoom(unbounded, 0)
  t.throws(
    () => {
      refuseFull(2 ** 52)
    },
    { exit: 'NoSpace', message: /needs .* are free/ },
  )
  const withParts = await measureRoom(unbounded, 2 ** 52 - 1)
  withParts(2 ** 52)
})

t.test('one of two loaders gets the lock; the other waits until the model is published', async (t) => {
  const { layout } = volumeOf(t)
  const end = new AbortController()
  const first = await acquireLock(
    layout,
    lockFor('a', () => Promise.resolve(false), end.signal),
  )
  t.ok(first)
  let published = false
  const second = acquireLock(
    layout,
    lockFor('b', () => Promise.resolve(published), end.signal),
  )
  published = true
  t.equal(await second, undefined)
  await first?.release()
  await t.rejects(access(layout.lock), { code: 'ENOENT' })
})

t.test('a lock of the same pod, whose loader was killed, is taken up', async (t) => {
  const { layout } = volumeOf(t)
  const { signal } = new AbortController()
  await acquireLock(
    layout,
    lockFor('a', () => Promise.resolve(false), signal),
  )
  const again = await acquireLock(
    layout,
    lockFor('a', () => Promise.resolve(false), signal),
  )
  t.ok(again)
  await again?.release()
})

t.test('waiting for the lock ends with the task', async (t) => {
  const { layout } = volumeOf(t)
  await mkdir(layout.lock)
  const end = new AbortController()
  const waiting = acquireLock(
    layout,
    lockFor('b', () => Promise.resolve(false), end.signal),
  )
  end.abort(new LoaderFailure('Terminated', 'stopped on request'))
  await t.rejects(waiting)
  await rm(layout.lock, { recursive: true })
})

t.test('the journal gives back what was written, in order', async (t) => {
  const { task, layout } = volumeOf(t)
  const { journal } = await openStaging(layout, task, objects)
  const parts = [partOf(objects[0]), { ...partOf(objects[1]), crc: 'AAAA', crcAlgorithm: 'crc64nvme' as const }]
  await journal.append(parts)
  await journal.close()
  const staging = await openBelow(layout.root, layout.stagingName)
  t.teardown(() => staging.close())
  t.strictSame(await readJournal(staging), parts)
})

function volumeOf(t: Test, changes: Readonly<Record<string, string>> = {}): { task: LoadTask; layout: Layout } {
  const task = loadTask({ MODEL_ROOT: t.testdir({}), ...changes })
  return { task, layout: layoutOf(task) }
}

async function published(t: Test): Promise<{ task: LoadTask; layout: Layout }> {
  const volume = volumeOf(t)
  const staging = await openStaging(volume.layout, volume.task, objects)
  await fill(volume.layout)
  await publishStaging(staging, volume.task, markerOf(volume.task))
  return volume
}

/** A volume on which an earlier run has brought both objects; or what its journal says otherwise of the shard alone. */
async function journaled(
  t: Test,
  changes?: readonly Partial<JournaledPart>[],
): Promise<{ task: LoadTask; layout: Layout }> {
  const volume = volumeOf(t)
  const { journal } = await openStaging(volume.layout, volume.task, objects)
  await fill(volume.layout)
  const lines = changes?.map((change) => ({ ...partOf(objects[1]), ...change })) ?? objects.map(partOf)
  await journal.append(lines)
  await journal.close()
  return volume
}

async function replaced(path: string, put: (path: string) => Promise<unknown>): Promise<void> {
  await rm(path, { recursive: true })
  await put(path)
}

async function fill(layout: Layout): Promise<void> {
  await writeFile(join(layout.stagingFiles, 'config.json'), '{}')
  await writeFile(join(layout.stagingFiles, 'shards', 'a.bin'), 'abc')
}

/** As fill() writes them. */
const contents: Readonly<Record<string, string>> = { 'config.json': '{}', 'shards/a.bin': 'abc' }

function partOf(object: ModelObject | undefined): JournaledPart {
  const { path = '', etag = '', size = 0 } = object ?? {}
  return { path, etag, size, offset: 0, length: size, crc: crcOf(contents[path] ?? ''), crcAlgorithm: 'crc32' }
}

/** As S3 writes it. */
function crcOf(body: string | Uint8Array): string {
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(body))
  return sum.toString('base64')
}

function markerOf({ id }: LoadTask): Marker {
  return { schema: 1, id, source: 's3://models/llama/1.2.3/', files: 2, bytes: 5 }
}

function lockFor(podUid: string, isPublished: LockRequest['isPublished'], signal: AbortSignal): LockRequest {
  return { podUid, isPublished, signal, say: () => undefined }
}
