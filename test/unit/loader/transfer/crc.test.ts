import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { combineCrc, loadCrc, type CrcAlgorithm } from '../../../../src/loader/transfer/crc.ts'

/** Checksums of "123456789", as the catalogue of CRC algorithms publishes them. */
const checkValues = { crc32: 'cbf43926', crc32c: 'e3069283', crc64nvme: 'ae8b14860a799888' } as const

const algorithms = Object.keys(checkValues) as CrcAlgorithm[]

async function crcOf(algorithm: CrcAlgorithm, ...pieces: Uint8Array[]): Promise<string> {
  const crc = (await loadCrc(algorithm))()
  for (const piece of pieces) crc.update(piece)
  return crc.value()
}

for (const algorithm of algorithms) {
  t.test(`${algorithm} gives the published check value, as S3 writes it`, async (t) => {
    const expected = Buffer.from(checkValues[algorithm], 'hex').toString('base64')
    t.equal(await crcOf(algorithm, Buffer.from('123456789')), expected)
    t.equal(await crcOf(algorithm, Buffer.from('1234'), Buffer.from('56789')), expected)
  })

  t.test(`${algorithm} of an object is combined from those of its parts`, async (t) => {
    const start = await loadCrc(algorithm)
    const of = (bytes: Uint8Array): string => {
      const crc = start()
      crc.update(bytes)
      return crc.value()
    }
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 6 }), (parts) => {
        const combined = parts
          .slice(1)
          .reduce((before, part) => combineCrc(algorithm, before, of(part), part.length), of(parts[0]!))
        return combined === of(Buffer.concat(parts))
      }),
      { numRuns: 200 },
    )
    t.pass('for any parts')
  })

  t.test(`${algorithm} combines parts of real size, the last one shorter`, async (t) => {
    const [a, b, c] = [randomBytes(1 << 20), randomBytes(1 << 20), randomBytes(12_345)]
    const ab = combineCrc(algorithm, await crcOf(algorithm, a), await crcOf(algorithm, b), b.length)
    t.equal(combineCrc(algorithm, ab, await crcOf(algorithm, c), c.length), await crcOf(algorithm, a, b, c))
  })

  t.test(`${algorithm} keeps checksums apart that are under way at the same time`, async (t) => {
    const start = await loadCrc(algorithm)
    const [one, two] = [start(), start()]
    one.update(Buffer.from('12345'))
    two.update(Buffer.from('something else'))
    one.update(Buffer.from('6789'))
    t.equal(one.value(), Buffer.from(checkValues[algorithm], 'hex').toString('base64'))
    t.equal(two.value(), await crcOf(algorithm, Buffer.from('something else')))
  })
}
