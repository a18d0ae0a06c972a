import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { connectTls, get, keptAliveAgent, post } from '../../kit/webhook/https-client.ts'
import { annotatedManifest, reviewOf } from '../../kit/webhook/reviews.ts'
import { runServer, type ServerUnderTest } from '../../kit/webhook/running-server.ts'
import type { Pair, Pki } from '../../kit/webhook/server-kit.ts'
import { waitFor } from '../../kit/tools/wait-for.ts'

const reloadOk = 'model_injector_certificate_reload_ok'
const reloads = (result: string): string => `model_injector_certificate_reloads_total{result="${result}"}`
const day = 24 * 60 * 60 * 1000

t.test('a swapped certificate', async (t) => {
  const server = await runServer(t)
  const { pki, tls, port, first } = server
  const agent = keptAliveAgent({ ca: pki.ca })
  t.teardown(() => {
    agent.destroy()
  })
  const review = reviewOf(annotatedManifest())
  const before = await post({ port, agent }, review)
  t.equal(before.statusCode, 200)
  t.equal(await servedSerial(server), serialOf(first))

  const stream = startStream(server)
  await stream.answered(20)
  const second = await pki.issue('second')
  await tls.swap({ ...second })
  await waitFor('the new certificate', async () =>
    (await servedSerial(server)) === serialOf(second) ? true : undefined,
  )
  await stream.answered(20)
  const statuses = await stream.stop()

  t.test('loses none of the requests that come in on new connections', (t) => {
    t.ok(statuses.length >= 40)
    t.ok(statuses.every((status) => status === 200))
    t.end()
  })
  t.test('leaves the connections that exist open', async (t) => {
    const after = await post({ port, agent }, review)
    t.equal(after.statusCode, 200)
    t.ok(after.reused)
  })
  t.test('is counted, and its expiry shown', async (t) => {
    t.equal(await server.metric(reloads('success')), 1)
    t.equal(await server.metric(reloads('failure')), 0)
    t.equal(await server.metric(reloadOk), 1)
    t.equal(
      await server.metric('model_injector_certificate_not_after_timestamp_seconds'),
      Date.parse(new X509Certificate(second['tls.crt']).validTo) / 1000,
    )
  })
  t.test('does not lower the TLS version', async (t) => {
    await t.rejects(connectTls({ port, ca: pki.ca, maxVersion: 'TLSv1.2' }))
  })
  t.test('is not bypassed by a session of before', async (t) => {
    const session = await sessionOf(server)
    const third = await pki.issue('third')
    await tls.swap({ ...third })
    await waitFor('the third certificate', async () =>
      (await servedSerial(server)) === serialOf(third) ? true : undefined,
    )
    const socket = await connectTls({ port, ca: pki.ca, session })
    t.equal(socket.isSessionReused(), false)
    socket.destroy()
  })
})

const badPairs: [string, (server: ServerUnderTest, other: Pair) => Promise<Partial<Pair>>, RegExp][] = [
  [
    'the key of another certificate',
    ({ first }, other) => Promise.resolve({ 'tls.crt': other['tls.crt'], 'tls.key': first['tls.key'] }),
    /tls\.key is not the key of tls\.crt/,
  ],
  [
    'a truncated certificate',
    (_server, other) => Promise.resolve({ ...other, 'tls.crt': other['tls.crt'].subarray(0, 200) }),
    /tls\.crt is not a certificate/,
  ],
  [
    'a truncated key',
    (_server, other) => Promise.resolve({ ...other, 'tls.key': other['tls.key'].subarray(0, 60) }),
    /tls\.key is not a private key/,
  ],
  [
    'empty files',
    () => Promise.resolve({ 'tls.crt': Buffer.alloc(0), 'tls.key': Buffer.alloc(0) }),
    /tls\.crt is not a certificate/,
  ],
  ['an expired certificate', ({ pki }) => issueExpired(pki), /the certificate expired at/],
  ['no key', (_server, other) => Promise.resolve({ 'tls.crt': other['tls.crt'] }), /tls\.key is missing/],
]

t.test('a bad new pair', async (t) => {
  const server = await runServer(t)
  const other = await server.pki.issue('other')
  let failures = 0
  for (const [what, pairOf, problem] of badPairs) {
    await t.test(`with ${what} is refused, shown and logged, and the old one stays in service`, async (t) => {
      await server.tls.swap(await pairOf(server, other))
      failures += 1
      await server.waitForMetric(reloads('failure'), failures)
      t.equal(await server.metric(reloadOk), 0)
      t.equal(await servedSerial(server), serialOf(server.first))
      t.equal((await get(server.healthPort, '/readyz')).statusCode, 200)
      const refusals = server.log.lines.filter(({ msg }) => msg === 'certificate refused')
      t.equal(refusals.length, failures)
      t.match(refusals.at(-1), { level: 50, problem })
    })
  }
  await t.test('is forgotten when a good one comes', async (t) => {
    await server.tls.swap({ ...other })
    await server.waitForMetric(reloadOk, 1)
    t.equal(await servedSerial(server), serialOf(other))
  })
  await t.test('leaves no part of a key in the log', (t) => {
    const body = other['tls.key'].toString().split('\n')[1]!
    t.notOk(JSON.stringify(server.log.lines).includes(body))
    t.end()
  })
})

t.test('a certificate that is refused because it is not valid yet is taken when its time has come', async (t) => {
  const server = await runServer(t)
  server.clock.shiftMs = -day
  const next = await server.pki.issue('next')
  await server.tls.swap({ ...next })
  await server.waitForMetric(reloads('failure'), 1)
  t.equal(await servedSerial(server), serialOf(server.first))
  server.clock.shiftMs = 0
  await server.waitForMetric(reloads('success'), 1)
  t.equal(await servedSerial(server), serialOf(next))
})

t.test('readiness follows the validity of the certificate in service', async (t) => {
  const { healthPort, clock } = await runServer(t)
  const readiness = async (): Promise<[number, string]> => {
    const { statusCode, body } = await get(healthPort, '/readyz')
    return [statusCode, body]
  }
  t.strictSame(await readiness(), [200, 'ok'])
  clock.shiftMs = 31 * day
  t.match(await readiness(), [503, /the certificate expired at/])
  clock.shiftMs = -day
  t.match(await readiness(), [503, /the certificate is valid from/])
  t.equal((await get(healthPort, '/healthz')).statusCode, 200)
})

t.test('a server without a certificate listens, is alive and is not ready', async (t) => {
  const server = await runServer(t, { tlsDirectory: '/nonexistent/tls' })
  t.equal((await get(server.healthPort, '/healthz')).statusCode, 200)
  t.match(await get(server.healthPort, '/readyz'), { statusCode: 503, body: 'there is no usable certificate' })
  t.equal(await server.metric(reloadOk), 0)
  await t.rejects(connectTls({ port: server.port, ca: server.pki.ca }))
})

t.test('a server becomes ready when its certificate comes, even with a directory that was not there', async (t) => {
  const donor = await runServer(t)
  const server = await runServer(t, { tlsDirectory: join(donor.directory, 'later') })
  await promisify(execFile)('cp', ['-r', donor.tls.path, join(donor.directory, 'later')])
  await waitFor('readiness', async () =>
    (await get(server.healthPort, '/readyz')).statusCode === 200 ? true : undefined,
  )
  t.equal((await post({ port: server.port, ca: donor.pki.ca }, reviewOf(annotatedManifest()))).statusCode, 200)
})

t.test('the events of the file system are enough: no poll is waited for', async (t) => {
  const server = await runServer(t, { pollMs: 600_000 })
  const second = await server.pki.issue('second')
  await server.tls.swap({ ...second })
  await server.waitForMetric(reloads('success'), 1)
  t.equal(await servedSerial(server), serialOf(second))
})

t.test('a removed directory leaves the certificate in service', async (t) => {
  const server = await runServer(t)
  await rm(server.tls.path, { recursive: true })
  await server.waitForMetric(reloadOk, 0)
  t.equal(await servedSerial(server), serialOf(server.first))
})

t.test('TLS 1.3 is the least by default, and 1.2 if asked for', async (t) => {
  const strict = await runServer(t)
  await t.rejects(connectTls({ port: strict.port, ca: strict.pki.ca, maxVersion: 'TLSv1.2' }))
  const lenient = await runServer(t, { minVersion: 'TLSv1.2' })
  const socket = await connectTls({ port: lenient.port, ca: lenient.pki.ca, maxVersion: 'TLSv1.2' })
  t.equal(socket.getProtocol(), 'TLSv1.2')
  socket.destroy()
  await t.rejects(connectTls({ port: lenient.port, ca: lenient.pki.ca, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' }))
})

function serialOf(pair: Pair): string {
  return new X509Certificate(pair['tls.crt']).serialNumber
}

/** That of a new connection, whose chain and name are verified. */
async function servedSerial({ port, pki }: ServerUnderTest): Promise<string> {
  const socket = await connectTls({ port, ca: pki.ca })
  const { serialNumber } = socket.getPeerCertificate()
  socket.destroy()
  return serialNumber
}

async function sessionOf({ port, pki }: ServerUnderTest): Promise<Buffer> {
  const socket = await connectTls({ port, ca: pki.ca })
  const session = await new Promise<Buffer>((resolve) => {
    socket.once('session', resolve)
  })
  socket.destroy()
  return session
}

interface RequestStream {
  /** Resolves after so many more answers. */
  readonly answered: (count: number) => Promise<void>
  /** The status of every request; one that failed rejects. */
  readonly stop: () => Promise<readonly number[]>
}

/** One request after the other, each on a connection of its own. */
function startStream({ port, pki }: ServerUnderTest): RequestStream {
  const statuses: number[] = []
  const stop = new AbortController()
  const ended = (async () => {
    while (!stop.signal.aborted) {
      statuses.push((await post({ port, ca: pki.ca, agent: false }, reviewOf(annotatedManifest()))).statusCode)
    }
  })()
  return {
    answered: async (count) => {
      const goal = statuses.length + count
      await Promise.race([
        ended,
        waitFor(`${goal} answers`, () => Promise.resolve(statuses.length >= goal ? true : undefined)),
      ])
    },
    stop: async () => {
      stop.abort()
      await ended
      return statuses
    },
  }
}

async function issueExpired({ directory, authority, issue }: Pki): Promise<Pair> {
  const { 'tls.key': key } = await issue('expired')
  const certificateFile = join(directory, 'expired.crt')
  await promisify(execFile)('openssl', [
    'x509',
    '-req',
    '-in',
    join(directory, 'expired.csr'),
    '-out',
    certificateFile,
    '-sha256',
    '-days',
    '-1',
    '-CA',
    authority.certificateFile,
    '-CAkey',
    authority.keyFile,
    '-set_serial',
    '7',
  ])
  return { 'tls.crt': await readFile(certificateFile), 'tls.key': key }
}
