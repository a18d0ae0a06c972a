import { appendFile, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Directory } from '../../../src/loader/volume/directory.ts'
import { JournalWriter } from '../../../src/loader/volume/journal-writer.ts'
import { Journal, readJournal, type JournaledPart } from '../../../src/loader/volume/journal.ts'
import { waitFor } from '../../kit/tools/wait-for.ts'

const part = {
  path: 'weights.bin',
  etag: '"1"',
  size: 3,
  offset: 0,
  length: 3,
  crc: 'AAAAAA==',
  crcAlgorithm: 'crc32',
} as const

t.test('a loader that has long to do shows that it is alive', async (t) => {
  const { staging, file } = await stagingOf(t)
  const journal = await Journal.open(staging, 20)
  t.teardown(() => journal.close())
  const then = new Date(Date.now() - 3_600_000)
  await utimes(file, then, then)
  await waitFor('a touch', async () => (Date.now() - (await stat(file)).mtimeMs < 60_000 ? true : undefined))
  await journal.append([part])
  t.strictSame(await readJournal(staging), [part], 'which is no evidence of anything')
})

t.test('a line that was cut off spoils none of the next run', async (t) => {
  const { staging, file } = await stagingOf(t)
  await appendFile(file, `${JSON.stringify(part)}\n{"path":"cut o`)
  const journal = await Journal.open(staging)
  const next = { ...part, path: 'next.bin' }
  await journal.append([next])
  await journal.close()
  t.strictSame(await readJournal(staging), [part, next])
})

t.test('text that is no line of a journal claims nothing', async (t) => {
  const lines = [
    null,
    1,
    [],
    {},
    { ...part, path: undefined },
    { ...part, offset: -1 },
    { ...part, length: 1.5 },
    { ...part, crc: undefined },
    { ...part, crcAlgorithm: 'md5' },
  ]
  const { staging, file } = await stagingOf(t)
  await appendFile(file, [...lines, part].map((line) => `${JSON.stringify(line)}\n`).join(''))
  t.strictSame(await readJournal(staging), [part])
})

t.test('the name of a file is on the disk before the line that speaks of it', async (t) => {
  const files = t.testdir({ shards: {} })
  const written: string[] = []
  const journal = {
    append: (parts: readonly JournaledPart[]) => Promise.resolve(void written.push(...parts.map(({ path }) => path))),
  }
  const writer = new JournalWriter(journal, files)
  await writer.add({ ...part, path: 'shards/a.bin' })
  await writer.flush()
  await writer.add({ ...part, path: 'gone/b.bin' })
  await t.rejects(writer.flush(), { code: 'ENOENT' }, 'a directory that cannot be synced to the disk')
  t.strictSame(written, ['shards/a.bin'], 'leaves no line')
})

async function stagingOf(t: Test): Promise<{ staging: Directory; file: string }> {
  const staging = await Directory.open(t.testdir())
  t.teardown(() => staging.close())
  return { staging, file: join(staging.path, 'journal.ndjson') }
}
