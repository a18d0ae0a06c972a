/** Heads of any kind: refused as malformed, or read as Node's own parser (llhttp) reads them. */
import fc from 'fast-check'
import { once } from 'node:events'
import { request } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { MalformedAnswer, parseHead, type Head } from '../../../src/s3/http/response.ts'

const whole =
  'HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\nETag: "e"\r\nConnection: keep-alive\r\nx-amz-id: a, b'

function ours(text: string): Head | undefined {
  try {
    return parseHead(text)
  } catch (error) {
    if (error instanceof MalformedAnswer) return undefined
    throw error
  }
}

const changes = fc.tuple(
  fc.nat(whole.length),
  fc.nat(6),
  fc.oneof(
    fc.string({ maxLength: 3 }),
    fc.constantFrom('\r\n', '\n', '\r', ' ', '\t', ':', ',', '\0', '\u00e9', '+', 'Content-Length: 4\r\n'),
    fc.constantFrom('Transfer-Encoding: chunked\r\n', 'Transfer-Encoding : chunked\r\n', 'Connection: close\r\n'),
  ),
)

const changed = fc
  .array(changes, { maxLength: 3 })
  .map((all) =>
    all.reduce((text, [at, length, instead]) => text.slice(0, at) + instead + text.slice(at + length), whole),
  )

t.test('any text is refused as malformed, or has a status and a length that is a number', (t) => {
  fc.assert(
    fc.property(fc.oneof(changed, fc.string({ unit: 'binary' })), (text) => {
      const head = ours(text)
      if (head === undefined) return true
      const { status, bodyLength } = head
      return status >= 200 && status <= 599 && (bodyLength === undefined || Number.isSafeInteger(bodyLength))
    }),
    { numRuns: 3000 },
  )
  t.pass('always')
  t.end()
})

interface Seen {
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, unknown>>
}

/** Undefined where Node refuses the head. */
async function byNode(t: Test): Promise<(text: string) => Promise<Seen | undefined>> {
  const script = { text: '' }
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => {
      socket.end(Buffer.from(`${script.text}\r\n\r\n`, 'latin1'))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return (text) => {
    script.text = text
    return new Promise((resolve) => {
      const asked = request({ port, host: '127.0.0.1', agent: false }, (response) => {
        resolve({ status: response.statusCode, headers: response.headersDistinct })
        response.on('error', () => undefined).destroy()
      })
      asked.on('error', () => {
        resolve(undefined)
      })
      asked.end()
    })
  }
}

t.test('what is accepted, Node accepts too, with the same status and the same framing', async (t) => {
  const ask = await byNode(t)
  let accepted = 0
  await fc.assert(
    fc.asyncProperty(changed, async (text) => {
      const head = ours(Buffer.from(text, 'latin1').toString('latin1'))
      if (head === undefined) return
      accepted++
      const seen = await ask(text)
      t.equal(seen?.status, head.status, JSON.stringify(text))
      const length = (seen?.headers['content-length'] as readonly string[] | undefined)?.[0]
      if (head.bodyLength !== undefined) t.equal(Number(length), head.bodyLength, JSON.stringify(text))
      t.equal(seen?.headers['transfer-encoding'] !== undefined, head.isChunked, JSON.stringify(text))
    }),
    { numRuns: 500 },
  )
  t.ok(accepted > 50, 'many of them are heads')
})
