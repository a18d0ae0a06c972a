import { appendFile, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { Journal, readJournal } from '../../../src/loader/volume/journal.ts'
import { waitFor } from '../../support/wait-for.ts'

const part = { path: 'weights.bin', etag: '"1"', size: 3, offset: 0, length: 3 }

t.test('a loader that has long to do shows that it is alive', async (t) => {
  const file = join(t.testdir(), 'journal')
  const journal = await Journal.open(file, 20)
  t.teardown(() => journal.close())
  const then = new Date(Date.now() - 3_600_000)
  await utimes(file, then, then)
  await waitFor('a touch', async () => (Date.now() - (await stat(file)).mtimeMs < 60_000 ? true : undefined), {
    timeoutSeconds: 10,
  })
  await journal.append([part])
  t.strictSame(await readJournal(file), [part], 'which is no evidence of anything')
})

t.test('a line that was cut off spoils none of the next run', async (t) => {
  const file = join(t.testdir(), 'journal')
  await appendFile(file, `${JSON.stringify(part)}\n{"path":"cut o`)
  const journal = await Journal.open(file)
  const next = { ...part, path: 'next.bin' }
  await journal.append([next])
  await journal.close()
  t.strictSame(await readJournal(file), [part, next])
})
