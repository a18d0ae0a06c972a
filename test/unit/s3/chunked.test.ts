/** Bodies in chunks, cut anywhere by the network. */
import fc from 'fast-check'
import t from 'tap'
import { ChunkDecoder } from '../../../src/s3/http/chunked.ts'
import { MalformedAnswer } from '../../../src/s3/http/response.ts'

function decode(pieces: readonly Buffer[]): { readonly body: string; readonly isOver: boolean } {
  const decoder = new ChunkDecoder()
  let body = ''
  for (const piece of pieces) {
    decoder.decode(piece, (data) => {
      body += data.toString('latin1')
    })
  }
  return { body, isOver: decoder.isOver }
}

function cutAt(text: string, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((one, other) => one - other), text.length]
  return places.slice(1).map((end, i) => Buffer.from(text.slice(places[i], end), 'latin1'))
}

const chunk = fc.tuple(fc.string({ minLength: 1, maxLength: 40 }), fc.constantFrom('', ';ext', ' ; name="value"'))

t.test('the body is what the chunks hold, wherever the network cuts them', (t) => {
  fc.assert(
    fc.property(
      fc.array(chunk),
      fc.array(fc.nat()),
      fc.constantFrom('', 'x-amz-trailer: 1\r\n'),
      (chunks, cuts, trailer) => {
        const bodies = chunks.map(([body]) => Buffer.from(body).toString('latin1'))
        const written = chunks.map(([, extension], i) => {
          const body = bodies[i] ?? ''
          return `${body.length.toString(16)}${extension}\r\n${body}\r\n`
        })
        const read = decode(cutAt(`${written.join('')}0\r\n${trailer}\r\n`, cuts))
        return read.isOver && read.body === bodies.join('')
      },
    ),
  )
  t.pass('always')
  t.end()
})

t.test('bytes of any kind are refused as malformed, or are chunks', (t) => {
  fc.assert(
    fc.property(fc.stringMatching(/^[0-9a-f\r\n; x]{0,60}$/), fc.array(fc.nat()), (text, cuts) => {
      try {
        decode(cutAt(text, cuts))
        return true
      } catch (error) {
        return error instanceof MalformedAnswer
      }
    }),
    { numRuns: 1000 },
  )
  t.pass('always')
  t.end()
})

for (const [what, text] of [
  ['no size', '\r\nabc\r\n0\r\n\r\n'],
  ['a size with a sign', '+3\r\nabc\r\n0\r\n\r\n'],
  ['a size with a prefix', '0x3\r\nabc\r\n0\r\n\r\n'],
  ['a size that no number holds', 'fffffffffffff\r\n'],
  ['a line without a carriage return', '3\nabc\r\n0\r\n\r\n'],
  ['a chunk that is longer than its size', '3\r\nabcd\r\n0\r\n\r\n'],
  ['an answer after the end', '0\r\n\r\nHTTP/1.1 200 OK'],
  ['a line that does not end', `3;${'x'.repeat(9000)}`],
  ['trailers that do not end', `0\r\n${'a: b\r\n'.repeat(4000)}`],
] as const) {
  t.test(`${what} is malformed`, (t) => {
    t.throws(() => decode([Buffer.from(text)]), MalformedAnswer)
    t.end()
  })
}

t.test('what is cut off is not over', (t) => {
  const whole = '3\r\nabc\r\n0\r\n\r\n'
  for (let length = 0; length < whole.length; length++) {
    t.notOk(decode([Buffer.from(whole.slice(0, length))]).isOver, String(length))
  }
  t.ok(decode([Buffer.from(whole)]).isOver)
  t.end()
})
