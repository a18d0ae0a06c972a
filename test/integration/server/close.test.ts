import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { closeWithin, listen, trackConnections, type Connections } from '../../../src/server/listen.ts'
import { connectTls, keptAliveAgent, post, readSocket } from '../../kit/webhook/https-client.ts'
import { temporaryDirectory } from '../../kit/webhook/mounted-directory.ts'
import { annotatedManifest, reviewOf } from '../../kit/webhook/reviews.ts'
import { buildTestServer, createPki, type TestServer } from '../../kit/webhook/server-kit.ts'
import { waitFor } from '../../kit/tools/wait-for.ts'

const tooLongForATestMs = 600_000
const body = JSON.stringify(reviewOf(annotatedManifest()))
const head = `POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`

interface Listening extends TestServer {
  readonly connections: Connections
  readonly target: { readonly port: number; readonly ca: Buffer }
}

async function listenOn(t: Test): Promise<Listening> {
  const server = buildTestServer({ isStopping: () => true })
  const connections = trackConnections(server.app)
  t.teardown(() => {
    connections.closeAll()
  })
  const { ca, issue } = await createPki(await temporaryDirectory(t))
  const { 'tls.crt': cert, 'tls.key': key } = await issue('server')
  server.app.server.setSecureContext({ cert, key })
  const port = await listen(server.app, 0, '127.0.0.1')
  return { ...server, connections, target: { port, ca } }
}

async function whenPortClosed({ app }: Listening): Promise<void> {
  await waitFor('the port to be closed', () => Promise.resolve(app.server.listening ? undefined : true))
}

t.test('closing does not wait for connections without a request', async (t) => {
  const server = await listenOn(t)
  const agent = keptAliveAgent({ ca: server.target.ca })
  t.teardown(() => {
    agent.destroy()
  })
  await post({ ...server.target, agent }, body)
  const silent = await connectTls(server.target)
  const beforeHandshake = connect({ host: '127.0.0.1', port: server.target.port })
  await once(beforeHandshake, 'connect')
  const ends = Promise.all([readSocket(silent), readSocket(beforeHandshake)])
  await closeWithin(server.app, server.connections, tooLongForATestMs)
  t.strictSame(await ends, ['', ''])
})

t.test('closing waits for requests in flight', async (t) => {
  const server = await listenOn(t)
  const slow = await connectTls(server.target)
  slow.write(head + body.slice(0, 10))
  await once(server.app.server, 'request')
  const silent = await connectTls(server.target)
  const silentEnd = readSocket(silent)
  const closed = closeWithin(server.app, server.connections, tooLongForATestMs)
  await silentEnd
  slow.write(body.slice(10))
  t.match(await readSocket(slow), /^HTTP\/1\.1 200 [^]*connection: close[^]*"patchType":"JSONPatch"/i)
  await closed
})

t.test('closing does not wait for them beyond its deadline', async (t) => {
  const server = await listenOn(t)
  const stuck = await connectTls(server.target)
  stuck.write(head)
  await once(server.app.server, 'request')
  const end = readSocket(stuck)
  await closeWithin(server.app, server.connections, 50)
  t.equal(await end, '')
})

t.test('a request that reaches a closing server on an open connection is answered like any other', async (t) => {
  const server = await listenOn(t)
  const open = await connectTls(server.target)
  const closed = server.app.close()
  await whenPortClosed(server)
  open.write(head + body)
  t.match(await readSocket(open), /^HTTP\/1\.1 200 [^]*connection: close[^]*"patchType":"JSONPatch"/i)
  await closed
})
