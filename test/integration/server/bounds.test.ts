import { connect as connectPlain } from 'node:net'
import type { TLSSocket } from 'node:tls'
import t from 'tap'
import { systemClock } from '../../../src/server/clock.ts'
import { startServer } from '../../../src/server/start-server.ts'
import { connectTls, get, keptAliveAgent, post, readSocket } from '../../kit/webhook/https-client.ts'
import { annotatedManifest, reviewOf } from '../../kit/webhook/reviews.ts'
import { runServer, type ServerUnderTest } from '../../kit/webhook/running-server.ts'
import { captureLog } from '../../kit/webhook/server-kit.ts'
import { waitFor } from '../../kit/tools/wait-for.ts'

const KiB = 1024

/** Sends the head of a request and whatever part of a body is given, and no more. */
async function beginRequest({ port, pki }: ServerUnderTest, headers: string, body = ''): Promise<TLSSocket> {
  const socket = await connectTls({ port, ca: pki.ca })
  socket.on('error', () => undefined)
  socket.write(`POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${body}`)
  return socket
}

/** The status that a whole request of so many KiB gets. */
async function statusOf({ port, pki }: ServerUnderTest, kibibytes = 1): Promise<number> {
  const padded = reviewOf({ ...annotatedManifest(), padding: 'x'.repeat((kibibytes - 1) * KiB) })
  return (await post({ port, ca: pki.ca, agent: false }, padded)).statusCode
}

async function waitForStatus(server: ServerUnderTest, kibibytes: number, status: number): Promise<void> {
  await waitFor(`HTTP ${status}`, async () => ((await statusOf(server, kibibytes)) === status ? true : undefined))
}

t.test('bodies in flight share a room', async (t) => {
  const server = await runServer(t, { limits: { inFlightBodyBytes: 64 * KiB, bodyBytes: 60 * KiB } })

  for (const [what, headers, body] of [
    ['takes its announced length', `Content-Length: ${60 * KiB}`, '{'],
    ['takes the largest length if it announces none', 'Transfer-Encoding: chunked', '1\r\n{\r\n'],
  ] as const) {
    await t.test(`each of which ${what}, until it is given up`, async (t) => {
      const slow = await beginRequest(server, headers, body)
      await waitForStatus(server, 10, 503)
      t.equal(await statusOf(server, 2), 200, 'what is small still has room')
      slow.destroy()
      await waitForStatus(server, 10, 200)
    })
  }
  await t.test('in which a request without room gets Retry-After', async (t) => {
    const slow = await beginRequest(server, `Content-Length: ${60 * KiB}`, '{')
    await waitForStatus(server, 10, 503)
    const answer = await post({ port: server.port, ca: server.pki.ca, agent: false }, 'x'.repeat(10 * KiB))
    t.match(answer, { statusCode: 503, headers: { 'retry-after': '1' } })
    t.match(JSON.parse(answer.body), { statusCode: 503, error: 'Service Unavailable', message: String })
    slow.destroy()
    await waitForStatus(server, 10, 200)
  })
  await t.test('that is free again after every request, answered or refused', async (t) => {
    for (let i = 0; i < 20; i++) t.equal(await statusOf(server, 10), 200)
    for (let i = 0; i < 20; i++) {
      t.equal(
        (await post({ port: server.port, ca: server.pki.ca, agent: false }, 'x'.repeat(10 * KiB))).statusCode,
        400,
      )
    }
    t.equal(await statusOf(server, 55), 200)
  })
  await t.test('that is free again after a client that asks much, reads nothing and goes', async (t) => {
    const manyMistakes = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [`models.example.io/unknown-${i}`, 'x'.repeat(100)]),
    )
    const body = JSON.stringify(reviewOf(annotatedManifest(manyMistakes)))
    const socket = await connectTls({ port: server.port, ca: server.pki.ca })
    socket.on('error', () => undefined)
    const asked = 600
    socket.write(
      `POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`.repeat(
        asked,
      ),
    )
    let answered = -1
    await waitFor('the server to stop answering', () => {
      const before = answered
      answered = server.log.admissions().length
      return Promise.resolve(answered === before ? true : undefined)
    })
    socket.destroy()
    await waitForStatus(server, 55, 200)
    t.ok(server.log.admissions().length < asked, 'it did not answer all requests whose answers were not read')
  })
})

t.test(
  'a body that is larger than allowed is refused by its announcement, and also if it announced nothing',
  async (t) => {
    const server = await runServer(t, { limits: { bodyBytes: 60 * KiB } })
    const announced = await beginRequest(
      server,
      `Content-Length: ${61 * KiB}\r\nConnection: close`,
      'x'.repeat(61 * KiB),
    )
    t.match(await readSocket(announced), /^HTTP\/1\.1 413 /)
    const chunked = await beginRequest(
      server,
      'Transfer-Encoding: chunked',
      `${(61 * KiB).toString(16)}\r\n${'x'.repeat(61 * KiB)}\r\n`,
    )
    t.match(await readSocket(chunked), /^HTTP\/1\.1 413 /)
    t.equal(await statusOf(server), 200)
  },
)

t.test('a client that writes all of its 8 MiB before it reads gets HTTP 413', async (t) => {
  const { port, pki } = await runServer(t)
  t.match(await post({ port, ca: pki.ca, agent: false }, Buffer.alloc(8 * KiB * KiB, 'x')), { statusCode: 413 })
})

t.test('a client that announces far too much is cut off', async (t) => {
  const server = await runServer(t)
  const socket = await beginRequest(server, `Content-Length: ${KiB ** 4}`)
  t.match(await readSocket(socket), /^HTTP\/1\.1 413 [^]*connection: close/)
})

t.test('an unfinished request of a client is cut off', async (t) => {
  const server = await runServer(t, { limits: { requestTimeoutMs: 150, handshakeTimeoutMs: 150 } })

  await t.test('a body that does not come gets HTTP 408', async (t) => {
    const slow = await beginRequest(server, 'Content-Length: 1000', '{')
    t.match(await readSocket(slow), /^HTTP\/1\.1 408 /)
  })
  await t.test('a head that does not end gets HTTP 408', async (t) => {
    const slow = await connectTls({ port: server.port, ca: server.pki.ca })
    slow.write('POST /mutate HTTP/1.1\r\nHost: x\r\nX-Slow: ')
    t.match(await readSocket(slow), /^HTTP\/1\.1 408 /)
  })
  await t.test('a handshake that does not begin is closed', async (t) => {
    const silent = connectPlain({ host: '127.0.0.1', port: server.port })
    t.equal(await readSocket(silent), '')
  })
  t.equal(await statusOf(server), 200)
})

t.test('a connection that was idle for longer than a request may take is still open', async (t) => {
  const { port, pki } = await runServer(t, { limits: { requestTimeoutMs: 150 } })
  const agent = keptAliveAgent({ ca: pki.ca })
  t.teardown(() => {
    agent.destroy()
  })
  await post({ port, agent }, reviewOf(annotatedManifest()))
  const silent = await connectTls({ port, ca: pki.ca })
  await readSocket(silent)
  const again = await post({ port, agent }, reviewOf(annotatedManifest()))
  t.match(again, { statusCode: 200, reused: true })
})

t.test('clients that misbehave below HTTP do no harm', async (t) => {
  const server = await runServer(t)
  const { port, pki } = server

  await t.test('plain HTTP, TLS of another version, noise', async (t) => {
    const plain = connectPlain({ host: '127.0.0.1', port })
    plain.write('GET / HTTP/1.1\r\n\r\n')
    await readSocket(plain)
    const noise = connectPlain({ host: '127.0.0.1', port })
    noise.write(Buffer.alloc(100, 0x16))
    await readSocket(noise)
    await t.rejects(connectTls({ port, ca: pki.ca, maxVersion: 'TLSv1.2' }))
    t.equal(await statusOf(server), 200)
  })
  for (const [what, text, status] of [
    ['no HTTP', 'HELLO\r\n\r\n', 400],
    ['a head of 64 KiB', `GET / HTTP/1.1\r\nX: ${'x'.repeat(64 * KiB)}\r\n\r\n`, 431],
    ['two lengths', 'POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}', 400],
    [
      'a length and chunks',
      'POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}',
      400,
    ],
    ['a length below zero', 'POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', 400],
  ] as const) {
    await t.test(`${what} gets HTTP ${status}`, async (t) => {
      const socket = await connectTls({ port, ca: pki.ca })
      socket.on('error', () => undefined)
      socket.write(text)
      t.match(await readSocket(socket), new RegExp(`^HTTP/1\\.1 ${status} `))
      t.equal(await statusOf(server), 200)
    })
  }
  await t.test('a client that closes its half while it waits is answered', async (t) => {
    const body = JSON.stringify(reviewOf(annotatedManifest()))
    const socket = await beginRequest(server, `Content-Length: ${body.length}\r\nConnection: close`, body)
    socket.end()
    t.match(await readSocket(socket), /^HTTP\/1\.1 200 /)
  })
  await t.test('a client that is gone in the middle of its body holds no memory', async (t) => {
    const socket = await beginRequest(server, 'Content-Length: 1000', '{')
    socket.destroy()
    t.equal(await statusOf(server), 200)
  })
  t.strictSame(
    server.log.lines.filter(({ level }) => level >= 50),
    [],
  )
})

t.test('a taken health port keeps the server from starting', async (t) => {
  const { healthPort, directory } = await runServer(t)
  const starting = startServer(
    {
      configFile: undefined,
      tlsDirectory: directory,
      address: '127.0.0.1',
      port: 0,
      healthPort,
      minVersion: 'TLSv1.3',
      drainSeconds: 0,
    },
    { logger: captureLog().logger, clock: systemClock },
  )
  await t.rejects(starting, {
    code: 'ListenFailed',
    message: `cannot listen on 127.0.0.1:${healthPort}: something else listens there already`,
  })
})

t.test('the plain port', async (t) => {
  const { healthPort } = await runServer(t)
  const [health, ready, metrics, other] = await Promise.all(
    ['/healthz', '/readyz', '/metrics', '/mutate'].map((path) => get(healthPort, path)),
  )
  t.match(health, { statusCode: 200, body: 'ok' })
  t.match(ready, { statusCode: 200, body: 'ok' })
  t.match(metrics, {
    statusCode: 200,
    headers: { 'content-type': /^text\/plain; version=0\.0\.4/ },
    body: /\nprocess_cpu_seconds_total /,
  })
  t.match(other, { statusCode: 404 })
})
