/** Files are read back during the download, and a difference ends it. */
import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readlinkSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { ReadBack, type CheckedChecksum } from '../../../src/loader/verify/read-back.ts'
import { waitFor } from '../../kit/tools/wait-for.ts'

const live = new AbortController().signal
const MiB = 2 ** 20

function sha256(content: Uint8Array): CheckedChecksum {
  return {
    algorithm: 'SHA256',
    value: createHash('sha256').update(content).digest('base64'),
    refuse: (found) => new Error(`has ${found}`),
  }
}

function sha1(content: Uint8Array): CheckedChecksum {
  return { ...sha256(content), algorithm: 'SHA1', value: createHash('sha1').update(content).digest('base64') }
}

function openFilesBelow(directory: string): readonly string[] {
  return readdirSync('/proc/self/fd')
    .flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`)]
      } catch {
        return []
      }
    })
    .filter((path) => path.startsWith(directory))
}

t.test('parts in any order, of several files at a time, are read to the checksums of the whole', async (t) => {
  const directory = t.testdir()
  let files = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { minLength: 1, maxLength: 6 }), {
        minLength: 1,
        maxLength: 3,
      }),
      fc.func(fc.nat()),
      async (contents, turn) => {
        const readBack = new ReadBack(live)
        const parts = []
        for (const pieces of contents) {
          const content = Buffer.concat(pieces)
          const file = join(directory, `file-${files++}`)
          await writeFile(file, content)
          const reader = readBack.readerFor({ file, size: content.length, expected: [sha256(content), sha1(content)] })
          let offset = 0
          for (const { length } of pieces) {
            parts.push({ reader, offset, length })
            offset += length
          }
        }
        for (const { reader, ...part } of parts.toSorted(
          (a, b) => turn(a.offset, a.length) - turn(b.offset, b.length),
        )) {
          readBack.arrived(reader, part)
        }
        await readBack.end()
        await readBack.close()
        return (
          readBack.filesCompared === contents.length &&
          readBack.bytesRead === readBack.bytesArrived &&
          readBack.bytesRead === contents.flat().reduce((sum, { length }) => sum + length, 0)
        )
      },
    ),
    { numRuns: 60 },
  )
})

t.test('bytes on the disk are read while the rest is still under way', async (t) => {
  const content = randomBytes(3 * MiB)
  const file = join(t.testdir(), 'file')
  await writeFile(file, content.subarray(0, 2 * MiB))
  const readBack = new ReadBack(live)
  const reader = readBack.readerFor({ file, size: content.length, expected: [sha256(content)] })
  readBack.arrived(reader, { offset: MiB, length: MiB })
  t.equal(readBack.bytesRead, 0, 'nothing after a gap')
  readBack.arrived(reader, { offset: 0, length: MiB })
  await waitFor('the first two parts to be read', () => Promise.resolve(readBack.bytesRead === 2 * MiB || undefined))
  await writeFile(file, content)
  readBack.arrived(reader, { offset: 2 * MiB, length: MiB })
  await readBack.end()
  t.equal(readBack.bytesRead, 3 * MiB)
})

t.test('a file of no bytes has a checksum too', async (t) => {
  const file = join(t.testdir({ empty: '' }), 'empty')
  const readBack = new ReadBack(live)
  readBack.arrived(readBack.readerFor({ file, size: 0, expected: [sha256(Buffer.alloc(0))] }), { offset: 0, length: 0 })
  await readBack.end()
  readBack.arrived(readBack.readerFor({ file, size: 0, expected: [sha256(Buffer.from('x'))] }), {
    offset: 0,
    length: 0,
  })
  await t.rejects(readBack.end(), { message: /^has / })
})

t.test('a file that differs ends the download at the next part, and leaves no file open', async (t) => {
  const directory = t.testdir({ good: 'good', bad: 'bad', part: 'part' })
  const readBack = new ReadBack(live)
  const unfinished = readBack.readerFor({
    file: join(directory, 'part'),
    size: 10,
    expected: [sha256(Buffer.from('part'))],
  })
  readBack.arrived(unfinished, { offset: 0, length: 4 })
  await readBack.end()
  t.equal(readBack.filesCompared, 0)
  t.strictSame(
    openFilesBelow(directory),
    [join(directory, 'part')],
    'reading of a file that is not whole goes on later',
  )

  readBack.arrived(
    readBack.readerFor({
      file: join(directory, 'bad'),
      size: 3,
      expected: [sha256(Buffer.from('bad')), sha1(Buffer.from('gut'))],
    }),
    { offset: 0, length: 3 },
  )
  await t.rejects(readBack.end(), { message: `has ${sha1(Buffer.from('bad')).value}` })
  t.throws(
    () => {
      readBack.arrived(unfinished, { offset: 4, length: 1 })
    },
    { message: /^has / },
  )
  await readBack.close()
  t.strictSame(openFilesBelow(directory), [])
})

t.test('a file that is shorter than what arrived, or gone, is an error and not a checksum', async (t) => {
  const directory = t.testdir({ short: 'xy', other: 'xyz', link: t.fixture('symlink', 'other') })
  for (const [name, error] of [
    ['short', { message: /short ends at 2, not at 3$/ }],
    ['link', { message: /link is gone$/ }],
    ['gone', { message: /gone is gone$/ }],
  ] as const) {
    const readBack = new ReadBack(live)
    readBack.arrived(
      readBack.readerFor({ file: join(directory, name), size: 3, expected: [sha256(Buffer.from('xyz'))] }),
      {
        offset: 0,
        length: 3,
      },
    )
    await t.rejects(readBack.end(), { ...error, exit: 'VerificationFailed' })
    await readBack.close()
  }
  t.strictSame(openFilesBelow(directory), [])
})

t.test('reading ends with the task', async (t) => {
  const file = join(t.testdir({ file: 'x' }), 'file')
  const end = new AbortController()
  const readBack = new ReadBack(end.signal)
  end.abort(new Error('stopped on request'))
  readBack.arrived(readBack.readerFor({ file, size: 1, expected: [sha256(Buffer.from('x'))] }), {
    offset: 0,
    length: 1,
  })
  await t.rejects(readBack.end(), { message: 'stopped on request' })
  await readBack.close()
})
