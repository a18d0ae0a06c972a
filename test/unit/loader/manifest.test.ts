import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import type { S3 } from '../../../src/s3/s3.ts'
import { problemOf, S3Error } from '../../../src/s3/s3-error.ts'
import type { ModelObject } from '../../../src/loader/listing.ts'
import { parseManifest, readManifest, refuseOtherFiles } from '../../../src/loader/verify/manifest.ts'
import { loadTask } from '../../kit/s3/load-task.ts'
import { unaskedS3 } from '../../kit/s3/unasked-s3.ts'

const [one, two] = ['1'.repeat(64), '2'.repeat(64)]

t.test('lines of sha256sum are read, in text and in binary mode', (t) => {
  const manifest = parseManifest(`${one}  config.json\n${two} *shards/a b.bin\n\n`, 'm')
  t.strictSame(
    [...manifest],
    [
      ['config.json', base64(one)],
      ['shards/a b.bin', base64(two)],
    ],
  )
  t.end()
})

t.test('paths below the current directory, and lines of Windows, are the same', (t) => {
  t.strictSame([...parseManifest(`${one}  ./config.json\r\n`, 'm').keys()], ['config.json'])
  t.end()
})

t.test('anything else is refused, not left out', (t) => {
  const lines = [
    `${one} config.json`,
    `${one.slice(1)}  config.json`,
    `${one.replace('1', 'G')}  config.json`,
    `${one}  `,
    'config.json',
    `SHA256 (config.json) = ${one}`,
    `\\${one}  a\\nb`,
  ]
  for (const line of lines) {
    t.throws(
      () => parseManifest(`${one}  first\n${line}\n`, 'm'),
      { exit: 'VerificationFailed', message: /the manifest m has a line that is not of sha256sum/ },
      line,
    )
  }
  t.end()
})

t.test('a manifest names exactly the delivered set', (t) => {
  const manifest = new Map([
    ['a', one],
    ['b', two],
  ])
  t.doesNotThrow(() => {
    refuseOtherFiles(manifest, ['b', 'a'])
  })
  t.throws(
    () => {
      refuseOtherFiles(manifest, ['a'])
    },
    { exit: 'VerificationFailed', message: '1 files of the manifest are missing: b' },
  )
  t.throws(
    () => {
      refuseOtherFiles(manifest, ['a', 'b', 'c'])
    },
    { message: '1 files are not in the manifest: c' },
  )
  t.throws(
    () => {
      refuseOtherFiles(manifest, ['c', 'd', 'e', 'f'])
    },
    { message: '2 files of the manifest are missing: a, b; 4 files are not in the manifest: c, d, e' },
  )
  t.end()
})

t.test('without an expectation nothing is read', async (t) => {
  t.equal(await readManifest(loadTask(), [], bucketOf({})), undefined)
})

t.test('the manifest is read below the source, and is no part of itself', async (t) => {
  const text = `${one}  config.json\n`
  const manifest = await readManifest(
    taskOf(text),
    objects('config.json', 'sub/manifest.sha256'),
    bucketOf({ 'llama/1.2.3/sub/manifest.sha256': text }),
  )
  t.strictSame([...(manifest ?? [])], [['config.json', base64(one)]])
})

t.test('a manifest that is not the expected one is refused, and so is one that is not there', async (t) => {
  const text = `${one}  config.json\n`
  const key = 'llama/1.2.3/sub/manifest.sha256'
  await fails(
    t,
    readManifest(taskOf('other'), objects('config.json'), bucketOf({ [key]: text })),
    /manifest llama\/1\.2\.3\/sub\/manifest\.sha256 has the SHA-256 [0-9a-f]{64}, not /,
  )
  await fails(t, readManifest(taskOf(text), objects('config.json'), bucketOf({})), /is not there/)
  await fails(
    t,
    readManifest(taskOf(text), objects('config.json', 'extra'), bucketOf({ [key]: text })),
    /not in the manifest: extra/,
  )
})

t.test('other errors of S3 stay what they are', async (t) => {
  const denied = {
    ...bucketOf({}),
    head: () => Promise.reject(new S3Error(problemOf('denied', '403 AccessDenied: no', 403))),
  }
  await t.rejects(readManifest(taskOf('x'), [], denied), { exit: 'Denied', message: /AccessDenied/ })
})

function taskOf(manifest: string): ReturnType<typeof loadTask> {
  return loadTask({
    MODEL_EXPECT: `manifest=sub/manifest.sha256@sha256:${createHash('sha256').update(manifest).digest('hex')}`,
  })
}

function objects(...paths: string[]): ModelObject[] {
  return paths.map((path) => ({ key: `llama/1.2.3/${path}`, path, size: 1, etag: '"1"' }))
}

function bucketOf(contents: Readonly<Record<string, string>>): S3 {
  const find = (key: string): string => {
    const content = contents[key]
    if (content === undefined) {
      throw new S3Error(problemOf('notFound', '404 NoSuchKey', 404))
    }
    return content
  }
  return {
    ...unaskedS3,
    head: async (_, key) =>
      Promise.resolve({ key, size: find(key).length, etag: '"1"', archived: false, checksums: {}, composite: false }),
    read: async (_, key) => Promise.resolve(Buffer.from(find(key))),
  }
}

function base64(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64')
}

async function fails(t: Test, reading: Promise<unknown>, message: RegExp): Promise<void> {
  await t.rejects(reading, { exit: 'VerificationFailed', message })
}
