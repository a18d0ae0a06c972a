import { access, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { LoadTask } from '../../../src/loader/environment.ts'
import { LoaderFailure } from '../../../src/loader/exit-codes.ts'
import type { ModelObject } from '../../../src/loader/listing.ts'
import { readJournal } from '../../../src/loader/volume/journal.ts'
import { layoutOf, type Layout } from '../../../src/loader/volume/layout.ts'
import { acquireLock, type LockRequest } from '../../../src/loader/volume/lock.ts'
import { findPublished, type Marker } from '../../../src/loader/volume/published.ts'
import { refuseTooLarge } from '../../../src/loader/volume/space.ts'
import { discard, openStaging, publish, removeStaleStagings } from '../../../src/loader/volume/staging.ts'
import { loadTask } from '../../support/load-task.ts'

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

  t.equal(await publish(staging, task, markerOf(task)), true)

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
  await publish(staging, task, markerOf(task))
  t.equal((await stat(join(layout.publishedFiles, 'shards'))).mode & 0o777, 0o775)
})

t.test('the loader whose rename comes second publishes nothing, and nothing is nested or lost', async (t) => {
  const { task, layout } = volumeOf(t)
  const other = loadTask({ MODEL_ROOT: task.root, MODEL_POD_UID: 'other' })
  const [first, second] = [await openStaging(layout, task, objects), await openStaging(layoutOf(other), other, objects)]
  await fill(layout)
  await fill(layoutOf(other))
  t.equal(await publish(first, task, markerOf(task)), true)
  t.equal(await publish(second, other, markerOf(other)), false)
  t.strictSame((await readdir(layout.published)).sort(), ['files', 'marker.json'])
  await discard(layoutOf(other))
  t.strictSame(await readdir(task.root), [task.id])
})

t.test('what an earlier run verified is kept for the same object, and nothing else', async (t) => {
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
    'what is not listed any more is gone',
  )
})

t.test('a file of full size without a journal is no evidence', async (t) => {
  const { task, layout } = volumeOf(t)
  const staging = await openStaging(layout, task, objects)
  await staging.journal.close()
  await fill(layout)
  t.equal((await openStaging(layout, task, objects)).verifiedBytes, 0)
})

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
  await publish(staging, task, markerOf(task))
  await writeFile(join(layout.publishedFiles, 'foreign'), '')
  await t.rejects(findPublished(layout, task), {
    exit: 'ForeignFiles',
    message: /has 3 files of 5 bytes, the loader wrote 2 of 5/,
  })
  t.match(await findPublished(layout, { ...task, readOnly: false }), { files: 2 })
})

t.test('stagings of others go when nobody has worked on them for ten minutes', async (t) => {
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
  await refuseTooLarge(task, 100, 0)
  await t.rejects(refuseTooLarge(task, 101, 0), {
    exit: 'NoSpace',
    message: /the model has 101, its size annotation says 100/,
  })
  await t.rejects(refuseTooLarge({ ...task, sizeBytes: undefined }, 2 ** 52, 0), {
    exit: 'NoSpace',
    message: /needs .* are free/,
  })
  await refuseTooLarge({ ...task, sizeBytes: undefined }, 2 ** 52, 2 ** 52 - 1)
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

t.test('a lock whose owner is gone is taken over', async (t) => {
  const { layout } = volumeOf(t)
  await mkdir(layout.lock)
  await writeFile(join(layout.lock, 'owner'), 'gone')
  const then = new Date(Date.now() - 120_000)
  for (const path of [layout.lock, join(layout.lock, 'owner')]) await utimes(path, then, then)
  const lock = await acquireLock(
    layout,
    lockFor('b', () => Promise.resolve(false), new AbortController().signal),
  )
  t.equal(await readFile(join(layout.lock, 'owner'), 'utf8'), 'b')
  await lock?.release()
})

t.test('waiting for the lock ends with the task', async (t) => {
  const { layout } = volumeOf(t)
  await mkdir(layout.lock)
  const end = new AbortController()
  const waiting = acquireLock(
    layout,
    lockFor('b', () => Promise.resolve(false), end.signal),
  )
  end.abort(new LoaderFailure('Terminated', 'told to stop'))
  await t.rejects(waiting)
  await rm(layout.lock, { recursive: true })
})

t.test('the journal gives back what was written, in order', async (t) => {
  const { task, layout } = volumeOf(t)
  const { journal } = await openStaging(layout, task, objects)
  const parts = [partOf(objects[0]), { ...partOf(objects[1]), crc: 'AAAA' }]
  await journal.append(parts)
  await journal.close()
  t.strictSame(await readJournal(layout.journal), parts)
})

function volumeOf(t: Test, changes: Readonly<Record<string, string>> = {}): { task: LoadTask; layout: Layout } {
  const task = loadTask({ MODEL_ROOT: t.testdir({}), ...changes })
  return { task, layout: layoutOf(task) }
}

async function fill(layout: Layout): Promise<void> {
  await writeFile(join(layout.stagingFiles, 'config.json'), '{}')
  await writeFile(join(layout.stagingFiles, 'shards', 'a.bin'), 'abc')
}

function partOf(object: ModelObject | undefined): {
  path: string
  etag: string
  size: number
  offset: number
  length: number
} {
  const { path = '', etag = '', size = 0 } = object ?? {}
  return { path, etag, size, offset: 0, length: size }
}

function markerOf({ id }: LoadTask): Marker {
  return { schema: 1, id, source: 's3://models/llama/1.2.3/', files: 2, bytes: 5 }
}

function lockFor(podUid: string, isPublished: LockRequest['isPublished'], signal: AbortSignal): LockRequest {
  return { podUid, isPublished, signal, say: () => undefined }
}
