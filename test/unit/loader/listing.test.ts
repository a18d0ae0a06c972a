import t, { type Test } from 'tap'
import type { ListedObject, ObjectHead, S3 } from '../../../src/s3/s3.ts'
import { problemOf, S3Error } from '../../../src/s3/s3-error.ts'
import { LoaderFailure } from '../../../src/loader/exit-codes.ts'
import { listModel } from '../../../src/loader/listing.ts'
import { loadTask } from '../../kit/s3/load-task.ts'
import { unaskedS3 } from '../../kit/s3/unasked-s3.ts'

const prefix = 'llama/1.2.3/'

t.test('all objects below the prefix are listed, over several pages', async (t) => {
  const s3 = bucketOf({ 'llama/1.2.3/a': 1, 'llama/1.2.3/sub/b': 2, 'llama/1.2.3/sub/deep/c': 3 }, { pageSize: 1 })
  const { objects, bytes } = await listModel(loadTask(), s3)
  t.strictSame(
    objects.map(({ path, size }) => [path, size]),
    [
      ['a', 1],
      ['sub/b', 2],
      ['sub/deep/c', 3],
    ],
  )
  t.equal(bytes, 6)
})

t.test('directory markers are no files', async (t) => {
  const { objects } = await listModel(
    loadTask(),
    bucketOf({ [prefix]: 0, [`${prefix}sub/`]: 0, [`${prefix}sub/a`]: 1, [`${prefix}empty`]: 0 }),
  )
  t.strictSame(
    objects.map(({ path }) => path),
    ['sub/a', 'empty'],
  )
})

t.test('include and exclude choose by the path below the source; exclude wins', async (t) => {
  const s3 = bucketOf({ [`${prefix}a.json`]: 1, [`${prefix}original/b.json`]: 1, [`${prefix}c.bin`]: 1 })
  const { objects } = await listModel(loadTask({ MODEL_INCLUDE: '*.json', MODEL_EXCLUDE: 'original/*' }), s3)
  t.strictSame(
    objects.map(({ path }) => path),
    ['a.json'],
  )
  await fails(
    t,
    'Nothing',
    /none of the 3 objects .* is included/,
    listModel(loadTask({ MODEL_INCLUDE: '*.gguf' }), s3),
  )
})

t.test('one object keeps its own name', async (t) => {
  const { objects } = await listModel(
    loadTask({ MODEL_SOURCE: 's3://models/llama/weights.bin' }),
    bucketOf({ 'llama/weights.bin': 7 }),
  )
  t.match(objects, [{ key: 'llama/weights.bin', path: 'weights.bin', size: 7 }])
})

t.test('nothing there says what was probably meant', async (t) => {
  await fails(t, 'Nothing', /no object below/, listModel(loadTask(), bucketOf({ 'llama-2/x': 1 })))
  const slash = await fails(
    t,
    'Nothing',
    /is not there/,
    listModel(loadTask({ MODEL_SOURCE: 's3://models/llama' }), bucketOf({ 'llama/x': 1 })),
  )
  t.match(slash.remedy, 'write s3://models/llama/')
  const noSlash = await fails(
    t,
    'Nothing',
    /no object below/,
    listModel(loadTask({ MODEL_SOURCE: 's3://models/llama.bin/' }), bucketOf({ 'llama.bin': 1 })),
  )
  t.match(noSlash.remedy, 'write s3://models/llama.bin')
})

for (const [what, path] of [
  ['a segment that leaves the directory', '../x'],
  ['a segment of one dot', 'a/./b'],
  ['an empty segment', 'a//b'],
  ['a newline', 'a\nb'],
  ['a NUL', 'a\u0000b'],
  ['a segment that is too long', 'x'.repeat(256)],
  ['a path that is too long', `${'abcdefghi/'.repeat(250)}x`],
  ['a directory marker with content', 'dir/'],
] as const) {
  t.test(`a key with ${what} is refused before anything is written`, async (t) => {
    await fails(t, 'UnsafeKeys', /has /, listModel(loadTask(), bucketOf({ [`${prefix}good`]: 1, [prefix + path]: 1 })))
  })
}

t.test('a file and a directory of one name are refused', async (t) => {
  await fails(
    t,
    'UnsafeKeys',
    /"llama\/1.2.3\/k" is a file and a directory/,
    listModel(loadTask(), bucketOf({ [`${prefix}k`]: 1, [`${prefix}k/x`]: 1, [`${prefix}k2`]: 1 })),
  )
})

t.test('odd keys that are names all the same are kept', async (t) => {
  const paths = ['a b', "it's", '$(rm -rf x)', '-rf', 'ä€', '*', 'a+b', '...', '.hidden', '`x`', 'a\\b']
  const { objects } = await listModel(loadTask(), bucketOf(Object.fromEntries(paths.map((path) => [prefix + path, 1]))))
  t.strictSame(
    objects.map(({ path }) => path),
    paths,
  )
})

t.test('archived objects are refused with a remedy', async (t) => {
  const failure = await fails(
    t,
    'DownloadFailed',
    /1 objects are archived/,
    listModel(loadTask(), bucketOf({ [`${prefix}a`]: 1, [`${prefix}b`]: 1 }, { archived: [`${prefix}b`] })),
  )
  t.match(failure.remedy, 'Glacier')
})

t.test('a model that is not what was expected is refused before it is loaded', async (t) => {
  const s3 = bucketOf({ [`${prefix}a`]: 1, [`${prefix}b`]: 2 })
  await fails(
    t,
    'VerificationFailed',
    /3 objects were expected, 2 are there, 4 bytes were expected, 3 are there/,
    listModel(loadTask({ MODEL_EXPECT: 'objects=3,bytes=4' }), s3),
  )
  t.equal((await listModel(loadTask({ MODEL_EXPECT: 'objects=2,bytes=3' }), s3)).bytes, 3)
})

t.test('an object that is listed twice, in one page or in two, counts once', async (t) => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => objectOf(prefix + name)) as [ListedObject, ListedObject, ListedObject]
  for (const pages of [
    [[a, a, b, c]],
    [
      [a, b],
      [b, c],
    ],
    [[a, b, c], [a]],
    [
      [c, a],
      [b, a, c],
    ],
  ]) {
    const { objects, bytes } = await listModel(loadTask({ MODEL_EXPECT: 'objects=3,bytes=3' }), s3OfPages(pages))
    t.strictSame(objects.map(({ path }) => path).sort(), ['a', 'b', 'c'])
    t.equal(bytes, 3)
  }
})

t.test('an object that is listed twice with another size or ETag is refused by its name', async (t) => {
  const object = objectOf(`${prefix}weights.bin`)
  const odd = objectOf(`${prefix}weights\u001b.bin`)
  const later = objectOf(`${prefix}z`)
  const says =
    /: "llama\/1\.2\.3\/weights(?:\\u001b)?\.bin" is listed twice, with 1 bytes and the ETag .* and with [12] bytes and the ETag/
  for (const change of [{ size: 2 }, { etag: '"other"' }]) {
    for (const pages of [[[odd, { ...odd, ...change }]], [[object, later], [{ ...object, ...change }]]]) {
      await fails(t, 'VerificationFailed', says, listModel(loadTask(), s3OfPages(pages)))
    }
  }
})

t.test('pages that bring nothing but what was there before are a circle, whatever their tokens', async (t) => {
  const page = [objectOf(`${prefix}a`), objectOf(`${prefix}b`)]
  let pages = 0
  const s3: S3 = {
    ...bucketOf({}),
    async *list() {
      for (;;) {
        pages++
        yield await Promise.resolve(page)
      }
    },
  }
  await fails(t, 'CannotList', /the listing goes in a circle/, listModel(loadTask(), s3))
  t.equal(pages, 3)
  const withEmpty = s3OfPages([page, [], [], [objectOf(`${prefix}c`)]])
  t.equal((await listModel(loadTask(), withEmpty)).objects.length, 3, 'a page may be empty')
})

t.test('objects that requests cannot be pinned to are refused by name, unless they are empty', async (t) => {
  const withEtag = (key: string, etag: string, size = 1): ListedObject => ({ ...objectOf(prefix + key), etag, size })
  for (const etag of ['', '""', 'W/"1"']) {
    const s3 = s3OfPages([[withEtag('a', '"1"'), withEtag('b', etag)]])
    await fails(t, 'CannotList', /gives 1 objects no ETag, or a weak one: "llama\/1.2.3\/b"/, listModel(loadTask(), s3))
  }
  t.equal((await listModel(loadTask(), s3OfPages([[withEtag('empty', '', 0)]]))).objects.length, 1)
})

t.test('one object of which the server does not say how large it is, is not loaded', async (t) => {
  const source = 's3://models/llama/weights.bin'
  const s3: S3 = { ...bucketOf({}), head: (_bucket, key) => Promise.resolve({ ...objectOf(key), ...noSize }) }
  await fails(t, 'CannotList', /does not say how many bytes/, listModel(loadTask({ MODEL_SOURCE: source }), s3))
})

for (const [kind, exit] of [
  ['unbelievable', 'CannotList'],
  ['endless', 'NoProgress'],
] as const) {
  t.test(`a listing that is ${kind} ends with ${exit}, says what was answered, and where to look`, async (t) => {
    const error = new S3Error(problemOf(kind, 'the server answered so'))
    const failing: S3 = { ...bucketOf({}), list: () => failingWith(error) }
    const { remedy } = await fails(t, exit, /: the server answered so$/, listModel(loadTask(), failing))
    t.match(remedy, 'see what answers at the endpoint')
  })
}

for (const [kind, exit, words, region] of [
  ['denied', 'Denied', /refused/],
  ['skewed', 'CannotList', /refused/],
  ['noSuchBucket', 'CannotList', /no bucket models/],
  ['wrongRegion', 'CannotList', /in the region eu-west-1/, 'eu-west-1'],
  ['wrongRegion', 'CannotList', /another region/],
  ['dns', 'DownloadFailed', /refused/],
  ['network', 'DownloadFailed', /refused/],
  ['throttled', 'DownloadFailed', /refused/],
  ['tls', 'CannotList', /refused/],
] as const) {
  t.test(`a listing that ends with ${kind} (${region ?? 'no region'}) ends the load with ${exit}`, async (t) => {
    const error = new S3Error({ ...problemOf(kind, 'refused', 0), region })
    await fails(t, exit, words, listModel(loadTask(), { ...bucketOf({}), list: () => failingWith(error) }))
  })
}

async function* failingWith(error: Error): AsyncGenerator<readonly ListedObject[]> {
  yield await Promise.reject(error)
}

async function fails(t: Test, exit: string, words: RegExp, work: Promise<unknown>): Promise<LoaderFailure> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof LoaderFailure)) throw new Error(`no failure but ${String(error)}`)
  t.equal(error.exit, exit)
  t.match(error.message, words)
  return error
}

function bucketOf(
  sizes: Readonly<Record<string, number>>,
  { pageSize = 1000, archived = [] as readonly string[] } = {},
): S3 {
  const objects = Object.entries(sizes).map(
    ([key, size]): ListedObject => ({ key, size, etag: `"${key}"`, archived: archived.includes(key) }),
  )
  const below = (wanted: string): ListedObject[] => objects.filter(({ key }) => key.startsWith(wanted))
  return {
    ...unaskedS3,
    async *list(_bucket, wanted) {
      const found = below(wanted)
      for (let i = 0; i === 0 || i < found.length; i += pageSize) {
        yield await Promise.resolve(found.slice(i, i + pageSize))
      }
    },
    peek: (_bucket, wanted, count) => Promise.resolve(below(wanted).slice(0, count)),
    head: (_bucket, key) => {
      const object = objects.find((candidate) => candidate.key === key)
      if (object === undefined) {
        return Promise.reject(new S3Error(problemOf('notFound', 'status 404', 404)))
      }
      return Promise.resolve<ObjectHead>({ ...object, checksums: {}, composite: false })
    },
  }
}

const noSize = { size: undefined, checksums: {}, composite: false }

function objectOf(key: string): ListedObject {
  return { key, size: 1, etag: '"1"', archived: false }
}

function s3OfPages(pages: readonly (readonly ListedObject[])[]): S3 {
  return {
    ...bucketOf({}),
    async *list() {
      for (const page of pages) yield await Promise.resolve(page)
    },
  }
}
