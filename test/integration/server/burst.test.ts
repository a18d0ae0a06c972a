/** More connections and requests at once than a replica can take. */
import { connect as connectPlain } from 'node:net'
import { createSecureContext, type TLSSocket } from 'node:tls'
import t from 'tap'
import { waitFor } from '../../kit/tools/wait-for.ts'
import { connectTls, keptAliveAgent, post, readSocket } from '../../kit/webhook/https-client.ts'
import { annotatedManifest, reviewOf } from '../../kit/webhook/reviews.ts'
import { runServer, type ServerUnderTest } from '../../kit/webhook/running-server.ts'

const waitingNow = 'model_injector_connections_waiting'
const dropped = 'model_injector_connections_dropped_total'
const refused = 'model_injector_requests_refused_total{status="503"}'
/** As long as the machine takes. */
const longestWaitMs = 600_000
const review = JSON.stringify(reviewOf(annotatedManifest()))

/** Without a timeout: a busy machine takes longer than API servers wait. */
async function statusOf({ port, pki }: ServerUnderTest, path = '/mutate'): Promise<number> {
  return (await post({ port, ca: pki.ca, agent: false, path }, review)).statusCode
}

/** The status of each of so many clients at once, each with a connection of its own that it would keep; or why it got none. */
async function burst({ port, pki }: ServerUnderTest, clients: number): Promise<Record<string, number>> {
  // Reading the certificates once for each client would be most of the work.
  const secureContext = createSecureContext({ ca: pki.ca })
  const agents = Array.from({ length: clients }, () => keptAliveAgent({ secureContext }))
  const ends = await Promise.all(
    agents.map((agent) =>
      post({ port, agent, path: '/mutate' }, review).then(
        ({ statusCode }) => String(statusCode),
        (error: unknown) => (error as NodeJS.ErrnoException).code ?? String(error),
      ),
    ),
  )
  agents.forEach((agent) => {
    agent.destroy()
  })
  return Object.fromEntries(Object.entries(Object.groupBy(ends, (end) => end)).map(([end, all]) => [end, all!.length]))
}

/** A request whose body has not come. */
async function beginRequest({ port, pki }: ServerUnderTest, query = ''): Promise<TLSSocket> {
  const socket = await connectTls({ port, ca: pki.ca })
  socket.on('error', () => undefined)
  const head = `POST /mutate${query} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${review.length}`
  socket.write(`${head}\r\n\r\n${review.slice(0, 1)}`)
  return socket
}

t.test('1,300 new connections at once are all answered', async (t) => {
  const server = await runServer(t, { limits: { longestWaitMs } })
  t.strictSame(await burst(server, 1300), { 200: 1300 })
  t.equal(await server.metric(dropped), 0)
})

t.test('connections beyond the room wait until others close', async (t) => {
  const server = await runServer(t, { limits: { connections: 5, longestWaitMs } })
  await t.test('and get their answers, although all would be kept', async (t) => {
    t.strictSame(await burst(server, 60), { 200: 60 })
    t.equal(await server.metric(dropped), 0)
    await server.waitForMetric(waitingNow, 0)
    const lines = server.log.lines.filter(({ msg }) => msg === 'connections wait for others to close')
    t.match(lines, [{ level: 40, open: 5, waiting: 1 }], 'the log says it once')
  })
  await t.test('unused ones make room', async (t) => {
    const agents = Array.from({ length: 5 }, () => keptAliveAgent({ ca: server.pki.ca }))
    t.teardown(() => {
      agents.forEach((agent) => {
        agent.destroy()
      })
    })
    for (const agent of agents) await post({ port: server.port, agent }, review)
    t.equal(await statusOf(server), 200)
    t.match(await post({ port: server.port, agent: agents[4] }, review), { statusCode: 200, reused: true })
  })
  await t.test('those with requests do not', async (t) => {
    const busy = await Promise.all(Array.from({ length: 5 }, () => beginRequest(server)))
    const late = statusOf(server)
    await server.waitForMetric(waitingNow, 1)
    busy[0]!.write(review.slice(1))
    t.equal(await late, 200)
    for (const socket of busy) socket.destroy()
  })
  await t.test('a client that goes while it waits is forgotten', async () => {
    const busy = await Promise.all(Array.from({ length: 5 }, () => beginRequest(server)))
    const gone = keptAliveAgent({ ca: server.pki.ca })
    const answer = post({ port: server.port, agent: gone }, review).catch(() => undefined)
    await server.waitForMetric(waitingNow, 1)
    gone.destroy()
    for (const socket of busy) socket.destroy()
    await answer
    await server.waitForMetric(waitingNow, 0)
    await waitFor('room for a connection', async () => ((await statusOf(server)) === 200 ? true : undefined))
  })
})

t.test('handshakes are made one after the other, and a silent client holds up none', async (t) => {
  const server = await runServer(t, { limits: { handshakes: 2, longestWaitMs } })
  const silent = Array.from({ length: 6 }, () => connectPlain({ host: '127.0.0.1', port: server.port }))
  t.teardown(() => {
    for (const socket of silent) socket.destroy()
  })
  await server.waitForMetric(waitingNow, 4)
  t.equal(await statusOf(server), 200)
  t.equal(
    server.log.lines.filter(({ level }) => level >= 40).length,
    1,
    'that is no lack of room: only the image is warned about',
  )
})

t.test('connections that cannot wait are closed and counted', async (t) => {
  await t.test('beyond the number that may', async (t) => {
    const server = await runServer(t, { limits: { connections: 1, waitingConnections: 1 } })
    const busy = await beginRequest(server)
    const waits = statusOf(server)
    await server.waitForMetric(waitingNow, 1)
    await t.rejects(statusOf(server))
    await server.waitForMetric(dropped, 1)
    busy.write(review.slice(1))
    busy.destroy()
    t.equal(await waits, 200)
  })
  await t.test('after the time that API servers wait', async (t) => {
    const server = await runServer(t, { limits: { connections: 1, longestWaitMs: 150 } })
    const busy = await beginRequest(server)
    await t.rejects(statusOf(server))
    await server.waitForMetric(dropped, 1)
    await server.waitForMetric(waitingNow, 0)
    busy.destroy()
    await waitFor('room for a connection', async () => ((await statusOf(server)) === 200 ? true : undefined))
  })
})

t.test('a request whose client has given up is refused unread, and others are answered', async (t) => {
  for (const [what, query, aheadMs, status] of [
    ['that took longer than its timeout', '?timeout=5s', 6000, 503],
    ['that is in time', '?timeout=10s', 6000, 200],
    ['that says no timeout', '', 60_000, 200],
  ] as const) {
    await t.test(`one ${what} gets HTTP ${status}`, async (t) => {
      const server = await runServer(t)
      const slow = await beginRequest(server, query)
      await waitFor('the head to be read', () => Promise.resolve(server.metric(waitingNow)))
      t.equal(await statusOf(server), 200)
      server.clock.aheadMs += aheadMs
      const answer = readSocket(slow)
      slow.write(review.slice(1))
      slow.end()
      t.match(await answer, new RegExp(`^HTTP/1\\.1 ${status} [^]*${status === 503 ? 'retry-after: 1' : 'uid'}`))
      t.equal(await server.metric(refused), status === 503 ? 1 : 0)
      t.equal(await statusOf(server), 200, 'a later one is in time')
    })
  }
  await t.test('the wait for room counts', async (t) => {
    const server = await runServer(t, { limits: { connections: 1 } })
    const busy = await beginRequest(server)
    const late = statusOf(server, '/mutate?timeout=5s')
    await server.waitForMetric(waitingNow, 1)
    server.clock.aheadMs += 6000
    busy.destroy()
    t.equal(await late, 503)
    t.equal(await statusOf(server), 200)
  })
  await t.test('the time before a connection that was opened ahead of need is used does not', async (t) => {
    const server = await runServer(t)
    const silent = await connectTls({ port: server.port, ca: server.pki.ca })
    await waitFor('the server to see the end of the handshake', async () =>
      (await statusOf(server)) === 200 ? true : undefined,
    )
    server.clock.aheadMs += 60_000
    const answer = readSocket(silent)
    silent.end(
      `POST /mutate?timeout=5s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${review.length}\r\n\r\n${review}`,
    )
    t.match(await answer, /^HTTP\/1\.1 200 /)
  })
})
