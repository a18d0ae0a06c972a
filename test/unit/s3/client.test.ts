/** The S3 client against servers that behave as reported ones do. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { trustAlso } from '../../../src/network/trust.ts'
import { S3Error } from '../../../src/s3/s3-error.ts'
import { startConnectProxy } from '../../kit/s3/connect-proxy.ts'
import { createCertificateAuthority, issueCertificate } from '../../kit/webhook/pki.ts'
import { clientOf, emptyListing, s3ErrorBody, serve } from './scripted-s3.ts'

const object = '<Contents><Key>m/a</Key><Size>1</Size><ETag>"e"</ETag></Contents>'
const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' }

async function collect<T>(pages: AsyncIterable<readonly T[]>): Promise<readonly T[]> {
  const all: T[] = []
  for await (const page of pages) all.push(...page)
  return all
}

async function problemOf(work: Promise<unknown>): Promise<S3Error['problem']> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof S3Error) return error.problem
  throw new Error(`no problem of S3, but ${String(error)}`)
}

t.test('a listing is asked for as S3 wants it, and signed', async (t) => {
  const { endpoint, requests } = await serve(t, (response) => response.end(emptyListing(object)))
  const s3 = clientOf(t, endpoint, { credentials: () => Promise.resolve({ ...keys, sessionToken: 'token' }) })
  t.match(await collect(s3.list('models', 'm/')), [{ key: 'm/a', size: 1, etag: '"e"', archived: false }])
  t.match(requests, [
    {
      method: 'GET',
      url: '/models/?encoding-type=url&list-type=2&prefix=m%2F',
      headers: {
        'x-amz-optional-object-attributes': 'RestoreStatus',
        'x-amz-security-token': 'token',
        authorization: /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\//,
      },
    },
  ])
})

t.test('what may heal is asked again until it does, and each problem is told', async (t) => {
  const { endpoint, requests } = await serve(t, (response, _request, number) => {
    if (number === 0) response.writeHead(503).end(s3ErrorBody('SlowDown'))
    else if (number === 1) response.socket?.resetAndDestroy()
    else if (number === 2) response.writeHead(502).end('<html>bad gateway')
    else if (number === 3) response.writeHead(429).end()
    else response.end(emptyListing(object))
  })
  const problems: string[] = []
  const s3 = clientOf(t, endpoint, { patienceMs: 60_000, onProblem: (problem) => problems.push(problem) })
  t.equal((await collect(s3.list('models', 'm/'))).length, 1)
  t.equal(requests.length, 5)
  // A cut on a connection that was kept is no problem: the server may only have closed it, so the client asks again at once.
  t.match(problems, [/503 SlowDown/, /status 502 with a web page/, 'status 429'])
})

t.test('what does not heal in time is the last problem', async (t) => {
  const { endpoint, requests } = await serve(t, (response) => response.writeHead(500).end(s3ErrorBody('InternalError')))
  t.match(await problemOf(clientOf(t, endpoint, { patienceMs: 300 }).head('models', 'k')), { kind: 'unavailable' })
  t.ok(requests.length > 1)
})

t.test('credentials that have ended are replaced once', async (t) => {
  for (const code of ['ExpiredToken', 'InvalidToken']) {
    const asked: boolean[] = []
    const credentials = (refresh: boolean): Promise<typeof keys> => {
      asked.push(refresh)
      return Promise.resolve({ ...keys, accessKeyId: asked.includes(true) ? 'NEW' : 'OLD' })
    }
    const { endpoint, requests } = await serve(t, (response, request) => {
      const isNew = request.headers.authorization?.includes('NEW/') === true
      if (isNew) response.end(emptyListing(object))
      else response.writeHead(400).end(s3ErrorBody(code))
    })
    t.equal((await collect(clientOf(t, endpoint, { credentials }).list('models', 'm/'))).length, 1)
    t.strictSame(asked, [false, true, false])
    const refusing = await serve(t, (response) => response.writeHead(400).end(s3ErrorBody(code)))
    t.match(await problemOf(clientOf(t, refusing.endpoint, { credentials }).peek('models', 'm/', 1)), {
      kind: 'expired',
    })
    t.equal(requests.length + refusing.requests.length, 4)
  }
})

t.test('an error of the credentials is that of the call', async (t) => {
  const { endpoint, requests } = await serve(t, (response) => response.end(emptyListing()))
  const broken = new Error('no agent')
  await t.rejects(clientOf(t, endpoint, { credentials: () => Promise.reject(broken) }).head('models', 'k'), broken)
  t.equal(requests.length, 0)
})

for (const status of [400, 501]) {
  t.test(`a server that answers ${status} to optional headers is asked without them from then on`, async (t) => {
    const { endpoint, requests } = await serve(t, (response, { headers, method }) => {
      const isRefused = 'x-amz-checksum-mode' in headers || 'x-amz-optional-object-attributes' in headers
      if (isRefused) response.writeHead(status).end(method === 'HEAD' ? undefined : s3ErrorBody('InvalidArgument'))
      else if (method === 'HEAD') response.writeHead(200, { etag: '"e"', 'content-length': 5 }).end()
      else response.end(emptyListing(object))
    })
    const s3 = clientOf(t, endpoint)
    t.match(await s3.head('models', 'k'), { size: 5, etag: '"e"', checksums: {} })
    await s3.head('models', 'k')
    t.equal((await collect(s3.list('models', 'm/'))).length, 1)
    t.strictSame(
      requests.map(({ method }) => method),
      ['HEAD', 'HEAD', 'HEAD', 'GET', 'GET'],
    )
  })
}

t.test('a HEAD brings size, ETag and checksums of the whole', async (t) => {
  const { endpoint } = await serve(t, (response) => {
    response
      .writeHead(200, {
        etag: '"e"',
        'content-length': 123,
        'x-amz-checksum-crc32': 'AAAAAA==',
        'x-amz-checksum-sha256': 'abc-3',
        'x-amz-checksum-type': 'FULL_OBJECT',
        'x-amz-storage-class': 'GLACIER',
        'x-amz-restore': 'ongoing-request="false", expiry-date="Fri, 21 Dec 2027 00:00:00 GMT"',
      })
      .end()
  })
  t.strictSame(await clientOf(t, endpoint).head('models', 'a b'), {
    key: 'a b',
    size: 123,
    etag: '"e"',
    composite: false,
    checksums: { CRC32: 'AAAAAA==' },
    archived: false,
  })
})

t.test('a refused HEAD has no body, so a GET of one byte tells the reason', async (t) => {
  const reason = { text: s3ErrorBody('AccessDenied') }
  const { endpoint, requests } = await serve(t, (response, { method }) => {
    response.writeHead(403).end(method === 'HEAD' ? undefined : reason.text)
  })
  t.match(await problemOf(clientOf(t, endpoint).head('models', 'k')), {
    kind: 'denied',
    message:
      '403 AccessDenied: the server said so (S3 answers so for a missing key too, unless s3:ListBucket is allowed)',
  })
  t.match(requests, [{ method: 'HEAD' }, { method: 'GET', headers: { range: 'bytes=0-0' } }])
  reason.text = s3ErrorBody('KMS.DisabledException')
  t.match(await problemOf(clientOf(t, endpoint).head('models', 'k')), { kind: 'kmsUnusable' })
})

t.test('a small object is read as a whole, and one that is larger than may be is not', async (t) => {
  const { endpoint, requests } = await serve(t, (response) => {
    response.write('0123')
    response.end('456789')
  })
  const s3 = clientOf(t, endpoint)
  t.equal((await s3.read('models', 'k', 'e', 10)).toString(), '0123456789')
  t.equal(requests[0]?.headers['if-match'], '"e"')
  await t.rejects(s3.read('models', 'k', '"e"', 9), { name: 'RangeError', message: /k has more than 9 bytes/ })
  t.equal(requests.length, 2)
})

t.test('tags are read, and other texts are none', async (t) => {
  const answer = { text: '<Tagging><TagSet><Tag><Key>a</Key><Value>1 &amp; 2</Value></Tag></TagSet></Tagging>' }
  const { endpoint, requests } = await serve(t, (response) => response.end(answer.text))
  const s3 = clientOf(t, endpoint)
  t.strictSame([...(await s3.tags('models', 'k'))], [['a', '1 & 2']])
  t.equal(requests[0]?.url, '/models/k?tagging=')
  answer.text = '<html/>'
  t.match(await problemOf(s3.tags('models', 'k')), { kind: 'notS3' })
})

t.test('where the requester pays, every request says so', async (t) => {
  const { endpoint, requests } = await serve(t, (response) => response.end(emptyListing()))
  const s3 = clientOf(t, endpoint, { requesterPays: true })
  await s3.peek('models', 'm/', 1)
  await s3.read('models', 'k', 'e', 1000)
  t.strictSame(
    requests.map(({ headers }) => headers['x-amz-request-payer']),
    ['requester', 'requester'],
  )
})

t.test('a bucket that is not found is no bucket', async (t) => {
  const { endpoint } = await serve(t, (response) => response.writeHead(404).end())
  t.match(await problemOf(clientOf(t, endpoint).peek('models', 'm/', 1)), { kind: 'noSuchBucket' })
  t.match(await problemOf(clientOf(t, endpoint).head('models', 'k')), { kind: 'notFound', status: 404 })
})

t.test('a page may be framed by its connection, and is none when that is cut', async (t) => {
  const page = emptyListing(object)
  const answers = [page, page.slice(0, -5)]
  const { endpoint } = await serve(t, (response, _request, number) => {
    response.socket?.end(`HTTP/1.1 200 OK\r\n\r\n${answers[number] ?? ''}`)
  })
  const s3 = clientOf(t, endpoint)
  t.equal((await s3.peek('models', 'm/', 1)).length, 1)
  t.match(await problemOf(s3.peek('models', 'm/', 1)), { kind: 'unbelievable', message: /cannot be read/ })
})

t.test('an abort ends a call with its reason', async (t) => {
  const { endpoint, requests } = await serve(t, () => undefined)
  const end = new AbortController()
  const reason = new Error('told to stop')
  const call = clientOf(t, endpoint, { signal: end.signal }).head('models', 'k')
  while (requests.length === 0) await new Promise(setImmediate)
  end.abort(reason)
  await t.rejects(call, reason)
})

t.test('an abort ends the calls that wait for a connection too', async (t) => {
  const { endpoint, requests } = await serve(t, () => undefined)
  const end = new AbortController()
  const s3 = clientOf(t, endpoint, { signal: end.signal })
  const calls = Array.from({ length: 20 }, () => s3.head('models', 'k'))
  while (requests.length < 8) await new Promise(setImmediate)
  const reason = new Error('told to stop')
  end.abort(reason)
  for (const call of calls) await t.rejects(call, reason)
  t.equal(requests.length, 8)
})

t.test('a client that is closed asks nothing more, and ends what it asked', async (t) => {
  const { endpoint, requests } = await serve(t, () => undefined)
  const s3 = clientOf(t, endpoint)
  const call = s3.head('models', 'k')
  while (requests.length === 0) await new Promise(setImmediate)
  s3.close()
  await t.rejects(call, { message: 'closed' })
  await t.rejects(s3.head('models', 'k'), { message: 'the client of S3 is closed' })
  t.equal(requests.length, 1)
})

t.test('nothing that listens is a problem of the network, which may heal', async (t) => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  const refused = clientOf(t, `http://127.0.0.1:${port}`, { patienceMs: 100 })
  t.match(await problemOf(refused.head('models', 'k')), { kind: 'network', code: 'ECONNREFUSED' })
  const unknown = clientOf(t, 'http://s3.invalid', { patienceMs: 100 })
  t.match(await problemOf(unknown.head('models', 'k')), { kind: 'dns', message: /does not resolve/ })
})

async function certificateOf(t: Test): Promise<{ cert: string; key: string; ca: string }> {
  const directory = t.testdir()
  const authority = await createCertificateAuthority(directory, 'authority')
  const certificate = await issueCertificate(directory, authority, {
    name: 'server',
    subject: '/CN=server',
    usage: 'serverAuth',
    alternativeNames: ['DNS:s3.example.test', 'IP:127.0.0.1'],
  })
  const read = (file: string): string => readFileSync(file, 'utf8')
  return {
    cert: read(certificate.certificateFile),
    key: read(certificate.keyFile),
    ca: read(authority.certificateFile),
  }
}

t.test('TLS: who is not trusted, who speaks none, and who speaks nothing else', async (t) => {
  const certificate = await certificateOf(t)
  const secure = await serve(t, (response) => response.end(emptyListing(object)), certificate)
  const plain = await serve(t, (response) => response.end(emptyListing(object)))
  const untrusted = await problemOf(clientOf(t, secure.endpoint).head('models', 'k'))
  t.match(untrusted, { kind: 'tls', message: /^TLS: unable to verify the first certificate|^TLS: self-signed/ })
  t.notMatch(untrusted.message, /root CA|\n/)
  t.match(await problemOf(clientOf(t, `https://127.0.0.1:${plain.port}`).head('models', 'k')), {
    kind: 'plainHttp',
    message: 'the endpoint speaks plain http, not https',
  })
  for (const answer of [
    Buffer.from([0x15, 3, 1, 0, 2, 2, 0x46]),
    'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n',
    'HTTP/1.1 400 Bad Request\r\n\r\n<html>The plain HTTP request was sent to HTTPS port</html>',
  ]) {
    const server = createServer((socket) => socket.on('error', () => undefined).end(answer))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    const { port } = server.address() as AddressInfo
    t.match(await problemOf(clientOf(t, `http://127.0.0.1:${port}`).peek('models', 'm/', 1)), {
      kind: 'plainTls',
      message: 'the endpoint speaks TLS, not plain http',
    })
  }
})

t.test('through a proxy the same is asked, by a tunnel that is kept', async (t) => {
  const certificate = await certificateOf(t)
  trustAlso(certificate.ca)
  const secure = await serve(t, (response) => response.end(emptyListing(object)), certificate)
  const proxy = await startConnectProxy(secure.port)
  t.teardown(() => proxy.stop())
  const settings = { env: { HTTPS_PROXY: proxy.url }, patienceMs: 500 }
  const s3 = clientOf(t, 'https://s3.example.test', settings)
  t.equal((await collect(s3.list('models', 'm/'))).length, 1)
  t.equal((await s3.peek('models', 'm/', 1)).length, 1)
  t.strictSame(proxy.asked, ['s3.example.test:443'])
  proxy.refuse(407)
  t.match(await problemOf(clientOf(t, 'https://s3.example.test', settings).head('models', 'k')), {
    kind: 'proxyRefused',
    message: 'the proxy answers 407 Forbidden',
  })
  proxy.refuse(503)
  t.match(await problemOf(clientOf(t, 'https://s3.example.test', settings).head('models', 'k')), {
    kind: 'unavailable',
    message: 'the proxy answers 503 Forbidden',
  })
})

for (const [what, status, headers, text, problem] of [
  [
    'a redirect to another URL',
    308,
    { location: 'https://s3.example.com/models' },
    '',
    { kind: 'redirected', message: 'the endpoint answers 308 to "https://s3.example.com/models"' },
  ],
  ['a web page with an error', 404, {}, '<html>\nnot here', { kind: 'notS3', message: /answers 404 with a web page/ }],
  ['another region', 301, { 'x-amz-bucket-region': 'eu-west-1' }, '', { kind: 'wrongRegion', region: 'eu-west-1' }],
] as const) {
  t.test(`${what} is told at once`, async (t) => {
    const { endpoint, requests } = await serve(t, (response) => response.writeHead(status, headers).end(text))
    t.match(await problemOf(clientOf(t, endpoint).peek('models', 'm/', 1)), problem)
    t.equal(requests.length, 1)
  })
}
