import { createHash, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import {
  checksumOfFile,
  checksumOfHeaders,
  combineParts,
  crcOf,
  preferredChecksum,
} from '../../../src/loader/verify/checksum.ts'
import { loadCrc } from '../../../src/loader/transfer/crc.ts'

const live = new AbortController().signal

t.test('a checksum computed while bytes arrive is preferred to one that needs the file to be read again', (t) => {
  t.strictSame(preferredChecksum({ SHA256: 's', CRC32: 'c' }), { algorithm: 'CRC32', value: 'c' })
  t.strictSame(preferredChecksum({ SHA1: '1', SHA256: '2' }), { algorithm: 'SHA256', value: '2' })
  t.strictSame(preferredChecksum({ CRC32: 'a', CRC32C: 'b', CRC64NVME: 'c' }), { algorithm: 'CRC64NVME', value: 'c' })
  t.equal(preferredChecksum({}), undefined)
  t.end()
})

t.test('headers give the checksum of the whole object', (t) => {
  t.strictSame(checksumOfHeaders({ 'x-amz-checksum-crc32c': 'yZRlqg==', 'x-amz-checksum-type': 'FULL_OBJECT' }), {
    expected: { algorithm: 'CRC32C', value: 'yZRlqg==' },
    composite: false,
  })
  t.strictSame(
    checksumOfHeaders({ 'x-amz-checksum-sha256': 'abc=' }),
    { expected: { algorithm: 'SHA256', value: 'abc=' }, composite: false },
    'an old answer says no type',
  )
  t.strictSame(checksumOfHeaders({}), { expected: undefined, composite: false })
  t.end()
})

t.test('a checksum composed of parts is none of the whole', (t) => {
  t.strictSame(checksumOfHeaders({ 'x-amz-checksum-crc32': 'abc=', 'x-amz-checksum-type': 'COMPOSITE' }), {
    expected: undefined,
    composite: true,
  })
  t.strictSame(
    checksumOfHeaders({ 'x-amz-checksum-sha256': 'abc=-3' }),
    { expected: undefined, composite: true },
    'recognised by its number of parts alone',
  )
  t.end()
})

t.test('SHA is no CRC', (t) => {
  t.equal(crcOf('CRC64NVME'), 'crc64nvme')
  t.equal(crcOf('SHA256'), undefined)
  t.equal(crcOf(undefined), undefined)
  t.end()
})

t.test('parts in any order combine to the checksum of the whole', async (t) => {
  for (const algorithm of ['crc32', 'crc32c', 'crc64nvme'] as const) {
    const start = await loadCrc(algorithm)
    const of = (bytes: Uint8Array): string => {
      const crc = start()
      crc.update(bytes)
      return crc.value()
    }
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 100 }), { minLength: 1, maxLength: 8 }),
        fc.nat(),
        (pieces, turn) => {
          let offset = 0
          const parts = pieces.map((piece) => ({
            offset: (offset += piece.length) - piece.length,
            length: piece.length,
            crc: of(piece),
          }))
          const shifted = [...parts.slice(turn % parts.length), ...parts.slice(0, turn % parts.length)]
          return combineParts(algorithm, shifted) === of(Buffer.concat(pieces))
        },
      ),
      { numRuns: 100 },
    )
    t.pass(algorithm)
  }
})

t.test('a part without a checksum leaves the whole without one', (t) => {
  const [first, second] = [
    { offset: 0, length: 1, crc: 'yZRlqg==' },
    { offset: 1, length: 1 },
  ]
  t.equal(combineParts('crc32', [first, second]), undefined)
  t.equal(combineParts('crc32', [second]), undefined)
  t.equal(combineParts('crc32', []), undefined)
  t.end()
})

t.test('a file has the checksums that S3 would keep of it', async (t) => {
  // More than one read, and not a multiple of it.
  const content = randomBytes(2 ** 21 + 12_345)
  const file = join(t.testdir(), 'file')
  await writeFile(file, content)
  t.equal(await checksumOfFile(file, 'SHA256', live), createHash('sha256').update(content).digest('base64'))
  t.equal(await checksumOfFile(file, 'SHA1', live), createHash('sha1').update(content).digest('base64'))
  for (const [name, algorithm] of [
    ['CRC32', 'crc32'],
    ['CRC32C', 'crc32c'],
    ['CRC64NVME', 'crc64nvme'],
  ] as const) {
    const crc = (await loadCrc(algorithm))()
    crc.update(content)
    t.equal(await checksumOfFile(file, name, live), crc.value(), name)
  }
})

t.test('reading a file back ends with the task', async (t) => {
  const file = join(t.testdir({ file: 'x' }), 'file')
  await t.rejects(checksumOfFile(file, 'SHA256', AbortSignal.abort(new Error('stopped on request'))), {
    message: 'stopped on request',
  })
})
