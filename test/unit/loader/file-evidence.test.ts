/** The evidence of a published model: it says something of a file only where it speaks of the same object and the same file. */
import { appendFile, mkdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { comparePublished } from '../../../src/loader/volume/compare-published.ts'
import { Directory } from '../../../src/loader/volume/directory.ts'
import { fileTimesOf, writeEvidence, type EvidentObject } from '../../../src/loader/volume/file-evidence.ts'

const objects: readonly EvidentObject[] = [
  { path: 'config.json', size: 2, etag: '"1"' },
  { path: 'shards/größe "1".bin', size: 3, etag: '"2"' },
]

t.test('files that are as they were written need no reading', async (t) => {
  const { published } = await publishedOf(t)
  t.match(await comparePublished(published, objects), { problems: [], unproven: [] })
})

const changes: readonly (readonly [what: string, change: (root: string) => unknown])[] = [
  ['a file with another time', (root) => utimes(join(root, 'files/config.json'), 1, 1)],
  ['an object with another ETag', () => undefined],
  ['evidence that is gone', (root) => writeFile(join(root, 'evidence.ndjson'), '')],
  [
    'a line that was cut off',
    async (root) => {
      const text = await readFile(join(root, 'evidence.ndjson'), 'utf8')
      await writeFile(join(root, 'evidence.ndjson'), text.slice(0, 20))
    },
  ],
]

for (const [what, change] of changes) {
  t.test(`${what} is no evidence`, async (t) => {
    const { published, root } = await publishedOf(t)
    await change(root)
    const [first, second] = objects
    const listed = what.includes('ETag') ? [{ ...first!, etag: '"other"' }, second!] : objects
    const { problems, unproven } = await comparePublished(published, listed)
    t.strictSame(problems, [])
    t.ok(unproven.includes(0))
  })
}

t.test('lines that no loader writes say nothing', async (t) => {
  const { published, root } = await publishedOf(t)
  const lines = [
    'null',
    '{}',
    '[]',
    '["config.json"]',
    '["config.json",2,"\\"1\\"","1",5]',
    '["x",1,"e","-","1"]',
    'x'.repeat(200_000),
  ]
  const { ino } = await stat(join(root, 'files/config.json'), { bigint: true })
  await appendFile(join(root, 'evidence.ndjson'), `${lines.join('\n')}\n["../config.json",2,"\\"1\\"","${ino}","1"]\n`)
  t.match(await comparePublished(published, objects), { problems: [], unproven: [] })
})

async function publishedOf(t: Test): Promise<{ readonly root: string; readonly published: Directory }> {
  const root = t.testdir({})
  await mkdir(join(root, 'files/shards'), { recursive: true })
  await writeFile(join(root, 'files/config.json'), '{}')
  await writeFile(join(root, 'files/shards/größe "1".bin'), 'abc')
  const published = await Directory.open(root)
  t.teardown(() => published.close())
  const files = await published.directory('files')
  await writeEvidence(published, { objects, times: await fileTimesOf(files, objects), haveChecksums: false })
  await files.close()
  return { root, published }
}
