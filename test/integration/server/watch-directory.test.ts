import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { readSettledFiles, watchFiles, type FileContents } from '../../../src/server/watch-directory.ts'
import { mountDirectory, temporaryDirectory } from '../../kit/webhook/mounted-directory.ts'
import { waitFor } from '../../kit/tools/wait-for.ts'

t.test('files that change while they are read are read again, so that no two versions are mixed', async (t) => {
  const directory = await temporaryDirectory(t)
  const [a, b] = [join(directory, 'a'), join(directory, 'b')]
  await Promise.all([writeFile(a, 'old'), writeFile(b, 'old'), writeFile(join(directory, 'next'), 'new')])
  const reading = readSettledFiles(directory, ['a', 'b'], 300)
  await readFile(a)
  await rename(join(directory, 'next'), a)
  t.match(await reading, { a: Buffer.from('new'), b: Buffer.from('old') })
})

t.test('a swap is reported once, with all files of the new version', async (t) => {
  const mounted = await mountDirectory(await temporaryDirectory(t), 'mount', { a: '1', b: '1' })
  const changes: FileContents[] = []
  const names = ['a', 'b']
  const seen = await readSettledFiles(mounted.path, names)
  const watch = watchFiles({
    directory: mounted.path,
    names,
    seen,
    onChange: (contents) => {
      changes.push(contents)
    },
    pollMs: 20,
  })
  t.teardown(watch.close)
  await mounted.swap({ a: '2', b: '2' })
  await waitFor('the change', () => Promise.resolve(changes[0]))
  await mounted.swap({ a: '2', b: '2' })
  await mounted.swap({ a: '3' })
  await waitFor('the next change', () => Promise.resolve(changes[1]))
  t.strictSame(changes, [
    { a: Buffer.from('2'), b: Buffer.from('2') },
    { a: Buffer.from('3'), b: undefined },
  ])
})

t.test('after close nothing is reported any more', async (t) => {
  const mounted = await mountDirectory(await temporaryDirectory(t), 'mount', { a: '1' })
  const told = { closed: 0, open: 0 }
  const seen = await readSettledFiles(mounted.path, ['a'])
  const watch = watchFiles({
    directory: mounted.path,
    names: ['a'],
    seen,
    onChange: () => {
      told.closed += 1
    },
    pollMs: 20,
  })
  const other = watchFiles({
    directory: mounted.path,
    names: ['a'],
    seen,
    onChange: () => {
      told.open += 1
    },
    pollMs: 20,
  })
  t.teardown(other.close)
  watch.close()
  await mounted.swap({ a: '2' })
  await waitFor('the other watch', () => Promise.resolve(told.open === 1 ? true : undefined))
  t.equal(told.closed, 0)
})
