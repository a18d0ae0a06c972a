/** The module is the one that people read as text. `UPDATE_WASM=1 node` this file writes it again. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { createCRC64 } from 'hash-wasm'
import t from 'tap'
import wabt from 'wabt'
import { loadCrc64 } from '../../../../src/loader/transfer/crc64.ts'

const directory = join(import.meta.dirname, '../../../../src/loader/transfer')
const generated = join(directory, 'crc64-module.ts')
const polynomial = 0x9a6c9329ac4bc9b5n

async function moduleOf(file: string): Promise<string> {
  const tools = await wabt()
  const { buffer } = tools.parseWat(file, readFileSync(join(directory, file), 'utf8')).toBinary({})
  const lines =
    Buffer.from(buffer)
      .toString('base64')
      .match(/.{1,120}/g) ?? []
  return [
    '/** Made from crc64.wat; edit that one. UPDATE_WASM=1 node test/unit/loader/transfer/crc64.test.ts */\n',
    `export const crc64Module = \`\n${lines.join('\n')}\n\`\n`,
  ].join('')
}

if (process.env.UPDATE_WASM === '1') writeFileSync(generated, await moduleOf('crc64.wat'))

t.test('the module is made from the text', async (t) => {
  t.equal(readFileSync(generated, 'utf8'), await moduleOf('crc64.wat'))
})

t.test('any bytes in any pieces have the checksum that another implementation gives', async (t) => {
  const next = await loadCrc64(polynomial)
  const other = await createCRC64(polynomial.toString(16))
  const pieces = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 })
  fc.assert(
    fc.property(pieces, (list) => {
      const crc = list.reduce((before, piece) => next(piece, before), 0n)
      return crc.toString(16).padStart(16, '0') === other.init().update(Buffer.concat(list)).digest()
    }),
    { numRuns: 500 },
  )
  const large = Buffer.alloc(1_000_003, 'a model')
  t.equal(next(large, 0n).toString(16).padStart(16, '0'), other.init().update(large).digest(), 'more than fits at once')
})
