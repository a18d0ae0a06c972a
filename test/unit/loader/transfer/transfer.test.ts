import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { link, mkdir, readFile, readdir, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { combineCrc, loadCrc } from '../../../../src/loader/transfer/crc.ts'
import { LocalPool } from '../../../../src/loader/transfer/connection-pool.ts'
import {
  startTransferThreads,
  TransferError,
  type PartDone,
  type PartJob,
  type StartPool,
  type TransferThreads,
  type TransferOptions,
  type TransferSettings,
} from '../../../../src/loader/transfer/transfer.ts'
import { createCertificateAuthority, issueCertificate } from '../../../kit/webhook/pki.ts'
import { waitFor } from '../../../kit/tools/wait-for.ts'
import {
  answerError,
  startScriptedServer,
  success,
  type ServerCertificates,
  type Incident,
  type ScriptedServer,
  type StoredObject,
} from './scripted-server.ts'

const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' }
const model = stored(randomBytes(3 * 1024 * 1024 + 17), {
  'x-amz-checksum-crc32': 'AAAAAA==',
  'x-amz-checksum-type': 'FULL_OBJECT',
})

function stored(body: Buffer, headers: Record<string, string> = {}): StoredObject {
  return { body, etag: `"${randomBytes(8).toString('hex')}"`, headers }
}

/** One part of the size of the object, or ranges. */
function partsOf(
  directory: string,
  key: string,
  object: StoredObject,
  change: Partial<PartJob> & { partBytes?: number } = {},
): PartJob[] {
  const { partBytes = object.body.length, ...fields } = change
  const count = Math.max(1, Math.ceil(object.body.length / Math.max(1, partBytes)))
  return Array.from({ length: count }, (_, i) => ({
    object: 0,
    key,
    etag: object.etag,
    objectSize: object.body.length,
    file: join(directory, key.replaceAll('/', '_')),
    offset: i * partBytes,
    length: Math.min(partBytes, object.body.length - i * partBytes),
    whole: count === 1,
    crc: 'none' as const,
    ...fields,
  }))
}

/** The work of a thread, on this one. */
const startLocalPool: StartPool = (settings) => ({
  attach: (reports) => new LocalPool(settings, reports),
  stop: () => Promise.resolve(),
})

function start(settings: TransferSettings): TransferThreads {
  return settings.workers === 0
    ? startTransferThreads({ ...settings, workers: 1 }, startLocalPool)
    : startTransferThreads(settings)
}

interface Outcome {
  readonly done: PartDone[]
  readonly bytes: number
  readonly retries: Error[]
  readonly error: unknown
}

async function run(
  server: Pick<ScriptedServer, 'origin'>,
  parts: Iterable<PartJob> | AsyncIterable<PartJob>,
  options: Partial<TransferSettings & TransferOptions> = {},
): Promise<Outcome> {
  const done: PartDone[] = []
  const retries: Error[] = []
  let bytes = 0
  const given = {
    origin: server.origin,
    region: 'us-east-1',
    credentials: () => Promise.resolve(keys),
    workers: 0,
    connectionsPerWorker: 4,
    stallTimeoutMs: 20_000,
    signal: new AbortController().signal,
    fileMode: 0o644,
    retries: { firstDelayMs: 1, longestDelayMs: 5 },
    onProgress: (more: number) => {
      bytes += more
    },
    onRetry: (retry: Error) => {
      retries.push(retry)
    },
    ...options,
  }
  const error = await start(given)
    .move(
      parts,
      (part) => {
        done.push(part)
      },
      given,
    )
    .then(
      () => undefined,
      (reason: unknown) => reason,
    )
  return { done, bytes, retries, error }
}

async function serve(
  t: Test,
  objects: Record<string, StoredObject>,
  script?: (incident: Incident) => void,
  certificates?: ServerCertificates,
): Promise<ScriptedServer> {
  const server = await startScriptedServer(new Map(Object.entries(objects)), script, certificates)
  t.teardown(() => server.close())
  return server
}

for (const workers of [0, 2]) {
  t.test(`with ${workers} workers, whole objects and ranges become files of the same bytes`, async (t) => {
    const directory = t.testdir()
    const many = Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [`dir/small ${i}+ü'"$(x)`, stored(randomBytes(i * 37))]),
    )
    const server = await serve(t, { model, ...many })
    const parts = [
      ...partsOf(directory, 'model', model, { partBytes: 1024 * 1024, crc: 'crc32c' }),
      ...Object.entries(many).flatMap(([key, object], i) =>
        partsOf(directory, key, object, { object: i + 1, crc: 'crc64nvme' }),
      ),
    ]
    const { error, done, bytes } = await run(server, parts, { workers })
    t.equal(error, undefined)
    t.equal(done.length, parts.length)
    t.equal(
      bytes,
      parts.reduce((sum, { length }) => sum + length, 0),
    )
    for (const [key, object] of [['model', model] as const, ...Object.entries(many)]) {
      if (!(await readFile(join(directory, key.replaceAll('/', '_')))).equals(object.body)) t.fail(`${key} is another`)
    }
    const crcOf = await loadCrc('crc32c')
    const whole = crcOf()
    whole.update(model.body)
    const ofParts = done.filter(({ object }) => object === 0).sort((a, b) => a.offset - b.offset)
    t.equal(
      ofParts.reduce((crc, part) => (crc === '' ? part.crc! : combineCrc('crc32c', crc, part.crc!, part.length)), ''),
      whole.value(),
    )
  })
}

t.test('over TLS, the server is verified against the given authority', async (t) => {
  const directory = t.testdir()
  const authority = await createCertificateAuthority(directory, 'ca')
  const files = await issueCertificate(directory, authority, {
    name: 'server',
    subject: '/CN=server',
    usage: 'serverAuth',
    alternativeNames: ['IP:127.0.0.1'],
  })
  const ca = readFileSync(authority.certificateFile, 'utf8')
  const server = await serve(t, { model }, undefined, {
    cert: readFileSync(files.certificateFile, 'utf8'),
    key: readFileSync(files.keyFile, 'utf8'),
    ca,
  })
  const parts = partsOf(directory, 'model', model, { partBytes: 1_000_000 })
  t.equal((await run(server, parts)).error, undefined)
  t.ok((await readFile(join(directory, 'model'))).equals(model.body))

  const before = server.requests.length
  const { ca: known, ...untrusted } = server.origin
  const { error, retries } = await run({ origin: untrusted }, parts)
  t.match(error, { kind: 'tls' })
  t.equal(known, ca)
  t.equal(retries.length, 0)
  t.equal(server.requests.length, before, 'no request, and so no signature, reached it')
})

t.test('every request is a signed GET pinned to the ETag', async (t) => {
  const directory = t.testdir()
  const server = await serve(t, { model })
  await run(server, partsOf(directory, 'model', model, { partBytes: 2_000_000 }))
  for (const { method, headers } of server.requests) {
    t.equal(method, 'GET')
    t.match(headers, {
      'if-match': model.etag,
      range: /^bytes=/,
      authorization: /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/.*\/us-east-1\/s3\/aws4_request/,
    })
  }
  await run(server, partsOf(directory, 'model', model), { credentials: () => Promise.resolve(undefined) })
  const { headers } = server.requests.at(-1)!
  t.match(headers, { 'x-amz-checksum-mode': 'ENABLED', 'if-match': model.etag })
  t.notOk(headers.authorization)
  t.notOk(headers.range)
})

t.test('a whole object has its checksums, gets its mode and replaces a longer file', async (t) => {
  const directory = t.testdir({ model: 'x'.repeat(4 * 1024 * 1024) })
  const server = await serve(t, { model })
  const umask = process.umask(0o077)
  t.teardown(() => {
    process.umask(umask)
  })
  const { done } = await run(server, partsOf(directory, 'model', model), { fileMode: 0o664, sync: 'part' })
  t.strictSame(done[0]?.checksums, { 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-checksum-type': 'FULL_OBJECT' })
  const { size, mode } = await stat(join(directory, 'model'))
  t.equal(size, model.body.length)
  t.equal(mode & 0o777, 0o664)
})

t.test('a range is written where it belongs and nowhere else', async (t) => {
  const directory = t.testdir({ model: Buffer.alloc(model.body.length) })
  const server = await serve(t, { model })
  const [, second] = partsOf(directory, 'model', model, { partBytes: 1_000_000 })
  await run(server, [second!])
  const expected = Buffer.concat([
    Buffer.alloc(1_000_000),
    model.body.subarray(1_000_000, 2_000_000),
    Buffer.alloc(model.body.length - 2_000_000),
  ])
  t.ok((await readFile(join(directory, 'model'))).equals(expected))
})

for (const partBytes of [model.body.length, 2 * 1024 * 1024]) {
  t.test(`a broken transfer goes on where it stopped (parts of ${partBytes})`, async (t) => {
    const directory = t.testdir()
    const server = await serve(t, { model }, ({ request, response, number, answer }) => {
      if (number > 0) {
        answer()
        return
      }
      const { status, headers, body } = success(model, request)
      response.writeHead(status, headers)
      response.write(body.subarray(0, 700_000), () => {
        response.socket?.end()
      })
    })
    const crcOf = await loadCrc('crc32')
    const [part] = partsOf(directory, 'model', model, { partBytes, crc: 'crc32' })
    const { error, bytes, done, retries } = await run(server, [part!])
    t.equal(error, undefined)
    t.equal(retries.length, 1)
    t.equal(bytes, part!.length, 'no byte twice')
    t.match(server.requests[1]?.headers.range, new RegExp(`^bytes=[1-9][0-9]*-${part!.length - 1}$`))
    t.equal(server.requests[1]?.headers['if-match'], model.etag)
    const whole = crcOf()
    whole.update(model.body.subarray(0, part!.length))
    t.equal(done[0]?.crc, whole.value())
    t.strictSame(Object.keys(done[0]!.checksums).length, part!.whole ? 2 : 0, 'the first answer said the checksums')
    t.ok((await readFile(join(directory, 'model'))).equals(model.body.subarray(0, part!.length)))
  })
}

for (const [name, script] of [
  [
    '503 SlowDown',
    ({ response }: Incident) => {
      answerError(response, 503, 'SlowDown')
    },
  ],
  [
    '500 InternalError',
    ({ response }: Incident) => {
      answerError(response, 500, 'InternalError')
    },
  ],
  [
    '429',
    ({ response }: Incident) => {
      response.writeHead(429).end()
    },
  ],
  [
    '400 RequestTimeout',
    ({ response }: Incident) => {
      answerError(response, 400, 'RequestTimeout')
    },
  ],
  [
    'a reset',
    ({ response }: Incident) => {
      response.socket?.resetAndDestroy()
    },
  ],
  [
    'a connection closed without an answer',
    ({ response }: Incident) => {
      response.socket?.end()
    },
  ],
  [
    'an answer that is no HTTP',
    ({ response }: Incident) => {
      response.socket?.end('SSH-2.0-OpenSSH_9.0\r\n\r\n')
    },
  ],
  [
    'a head without an end',
    ({ response }: Incident) => {
      response.socket?.end(`HTTP/1.1 200 OK\r\n${'X: 1\r\n'.repeat(10_000)}`)
    },
  ],
] as const) {
  t.test(`${name} is survived, and given up when the patience ends`, async (t) => {
    const directory = t.testdir()
    const once = await serve(t, { model }, (incident) => {
      if (incident.number < 2) script(incident)
      else incident.answer()
    })
    const survived = await run(once, partsOf(directory, 'model', model))
    t.equal(survived.error, undefined)
    t.ok((await readFile(join(directory, 'model'))).equals(model.body))

    const always = await serve(t, { model }, script)
    const { error, done } = await run(always, partsOf(directory, 'other', model), {
      retries: { patienceMs: 100, firstDelayMs: 1, longestDelayMs: 2 },
    })
    t.ok(error instanceof TransferError)
    t.match(error, { key: 'other', kind: /^(throttled|unavailable|network|malformed)$/ })
    t.equal(done.length, 0)
    t.ok(always.requests.length >= 3)
    t.strictSame(await readdir(directory), ['model'], 'what was refused leaves no file')
  })
}

for (const [status, code, kind] of [
  [403, 'AccessDenied', 'denied'],
  [403, 'RequestTimeTooSkewed', 'skewed'],
  [403, 'InvalidObjectState', 'archived'],
  [404, 'NoSuchKey', 'notFound'],
  [404, 'NoSuchBucket', 'noSuchBucket'],
  [412, 'PreconditionFailed', 'changed'],
] as const) {
  for (const workers of [0, 1]) {
    t.test(`${status} ${code} is reported at once as ${kind} (${workers} workers)`, async (t) => {
      const directory = t.testdir()
      const server = await serve(t, {}, ({ response }) => {
        answerError(response, status, code)
      })
      // More than a small total, so that the worker is really used.
      const parts = partsOf(directory, 'a/model', model, { partBytes: 1024 * 32, objectSize: model.body.length }).slice(
        0,
        70,
      )
      const { error, retries } = await run(server, parts, { workers, connectionsPerWorker: 1 })
      t.ok(error instanceof TransferError)
      t.match(error, { kind, status, code, key: 'a/model', message: /the server said so/ })
      t.equal(retries.length, 0)
      t.equal(server.requests.length, 1)
    })
  }
}

t.test('a bucket elsewhere is reported with its region', async (t) => {
  const server = await serve(t, {}, ({ response }) => {
    answerError(response, 301, 'PermanentRedirect', {
      headers: { 'x-amz-bucket-region': 'eu-central-1', location: 'https://example.com/' },
    })
  })
  t.match((await run(server, partsOf(t.testdir(), 'k', model))).error, { kind: 'wrongRegion', region: 'eu-central-1' })
})

t.test('an error in chunks is read as well', async (t) => {
  const server = await serve(t, {}, ({ response }) => {
    response.writeHead(403, { 'content-type': 'application/xml' })
    response.write('<?xml version="1.0"?>\n<Error><Code>Access')
    response.end('Denied</Code><Message>no</Message></Error>')
  })
  t.match((await run(server, partsOf(t.testdir(), 'k', model))).error, { kind: 'denied', code: 'AccessDenied' })
})

for (const [name, change, kind] of [
  ['an object of another ETag', { etag: '"other"' }, 'changed'],
  ['another range', { 'content-range': `bytes 0-99/${model.body.length}` }, 'protocol'],
  ['a shorter body than was asked for', { 'content-length': 5 }, 'protocol'],
] as const) {
  t.test(`${name} is refused although the server says success`, async (t) => {
    const directory = t.testdir()
    const server = await serve(t, {}, ({ request, response }) => {
      const { status, headers, body } = success(model, request)
      const changed: Record<string, string | number> = { ...headers, ...change }
      response.writeHead(status, changed).end(body.subarray(0, Number(changed['content-length'])))
    })
    const { error, done } = await run(server, partsOf(directory, 'k', model, { partBytes: 1_000_000 }))
    t.match(error, { kind })
    t.equal(done.length, 0)
    t.strictSame(await readdir(directory), [])
  })
}

t.test('a server that ignores Range is refused', async (t) => {
  const server = await serve(t, {}, ({ response }) => {
    response.writeHead(200, { etag: model.etag, 'content-length': model.body.length }).end(model.body)
  })
  t.match((await run(server, partsOf(t.testdir(), 'k', model, { partBytes: 1_000_000 }))).error, {
    kind: 'protocol',
    status: 200,
  })
})

t.test('a body that goes on after its length never counts as the object', async (t) => {
  const server = await serve(t, {}, ({ response }) => {
    response.socket?.write(`HTTP/1.1 200 OK\r\nETag: ${model.etag}\r\nContent-Length: 3\r\n\r\nabcdef`)
  })
  const { error, done } = await run(server, partsOf(t.testdir(), 'k', { ...model, body: Buffer.from('abc') }), {
    retries: { patienceMs: 20, firstDelayMs: 1 },
  })
  t.match(error, { kind: 'malformed', message: /longer/ })
  t.equal(done.length, 0)
})

t.test('a good answer in chunks is the object, and no more and no fewer bytes than were listed', async (t) => {
  const directory = t.testdir()
  let cut = 0
  const server = await serve(t, {}, ({ request, response }) => {
    const { status, headers, body } = success(model, request)
    const unframed: Record<string, string | number> = { ...headers }
    delete unframed['content-length']
    response.writeHead(status, unframed)
    response.write(body.subarray(0, 10))
    response.end(body.subarray(10, body.length - cut))
  })
  const parts = partsOf(directory, 'k', model, { partBytes: 2_000_000 })
  t.equal((await run(server, parts)).error, undefined)
  t.ok((await readFile(join(directory, 'k'))).equals(model.body))
  cut = 1
  t.match((await run(server, parts, { retries: { patienceMs: 0 } })).error, { kind: 'malformed', message: /early/ })
  const before = server.requests.length
  const shorter = parts.map((part) => ({ ...part, length: part.length - 1, objectSize: part.objectSize - 1 }))
  const longer = await run(
    server,
    shorter.slice(0, 1).map((part) => ({ ...part, whole: true })),
  )
  t.match(longer.error, { kind: 'otherLength', message: /it has \d+ bytes in the listing, and \d+ or more arrive/ })
  t.equal(server.requests.length, before + 1)
})

t.test('a server that refuses to be asked for checksums is asked without', async (t) => {
  const directory = t.testdir()
  const server = await serve(t, { a: model, b: model }, ({ request, response, answer }) => {
    if (request.headers['x-amz-checksum-mode'] === undefined) answer()
    else answerError(response, 400, 'InvalidArgument')
  })
  const { error, retries, done } = await run(
    server,
    [...partsOf(directory, 'a', model), ...partsOf(directory, 'b', model)],
    { connectionsPerWorker: 1 },
  )
  t.equal(error, undefined)
  t.equal(retries.length, 0)
  t.equal(done.length, 2)
  t.equal(server.requests.length, 3)
})

t.test('expired credentials are renewed once for all connections', async (t) => {
  const directory = t.testdir()
  const server = await serve(t, { model }, ({ request, response, answer }) => {
    if (request.headers['x-amz-security-token'] === 'new') answer()
    else answerError(response, 400, 'ExpiredToken')
  })
  const asked: boolean[] = []
  const { error, done } = await run(server, partsOf(directory, 'model', model, { partBytes: 40_000 }), {
    workers: 2,
    credentials: (force) => {
      asked.push(force)
      return Promise.resolve({ ...keys, sessionToken: force ? 'new' : 'old' })
    },
  })
  t.equal(error, undefined)
  t.equal(done.length, Math.ceil(model.body.length / 40_000))
  t.strictSame(asked, [false, true])
})

t.test('credentials that expire and do not change are denied', async (t) => {
  const server = await serve(t, {}, ({ response }) => {
    answerError(response, 403, 'ExpiredToken')
  })
  const asked: boolean[] = []
  const credentials = (force: boolean) => {
    asked.push(force)
    return Promise.resolve(keys)
  }
  t.match((await run(server, partsOf(t.testdir(), 'k', model), { credentials })).error, {
    kind: 'expired',
    code: 'ExpiredToken',
  })
  t.strictSame(asked, [false, true])
})

t.test('a server that refuses whatever credentials there are is asked a few times', async (t) => {
  const server = await serve(t, {}, ({ response }) => {
    answerError(response, 403, 'ExpiredToken')
  })
  let asked = 0
  const credentials = () => Promise.resolve({ ...keys, accessKeyId: `AKID${++asked}` })
  t.match((await run(server, partsOf(t.testdir(), 'k', model), { credentials })).error, { kind: 'expired' })
  t.ok(server.requests.length <= 5, `${server.requests.length} requests`)
})

t.test('an error of the credentials, first or later, is the error of the transfer', async (t) => {
  const server = await serve(t, {}, ({ response }) => {
    answerError(response, 403, 'ExpiredToken')
  })
  const broken = new Error('no agent')
  t.equal(
    (await run(server, partsOf(t.testdir(), 'k', model), { credentials: () => Promise.reject(broken) })).error,
    broken,
  )
  t.equal(server.requests.length, 0)
  t.equal(
    (
      await run(server, partsOf(t.testdir(), 'k', model), {
        credentials: (force) => (force ? Promise.reject(broken) : Promise.resolve(keys)),
      })
    ).error,
    broken,
  )
})

t.test('a silent connection is given up and its part goes on over another', async (t) => {
  const directory = t.testdir()
  const server = await serve(t, { model }, ({ request, response, number, answer }) => {
    if (number > 0) {
      answer()
      return
    }
    const { status, headers, body } = success(model, request)
    response.writeHead(status, headers).write(body.subarray(0, 300_000))
  })
  const { error, retries } = await run(server, partsOf(directory, 'model', model), { stallTimeoutMs: 6000 })
  t.equal(error, undefined)
  t.match(retries, [{ kind: 'network', code: 'ETIMEDOUT' }])
  t.ok((await readFile(join(directory, 'model'))).equals(model.body))
})

for (const workers of [0, 2]) {
  t.test(`when nothing comes for the stall timeout, everything ends (${workers} workers)`, async (t) => {
    const server = await serve(t, {}, () => undefined)
    const { error } = await run(server, partsOf(t.testdir(), 'k', model, { partBytes: 40_000 }), {
      stallTimeoutMs: 600,
      workers,
    })
    t.match(error, { kind: 'stalled', message: /not one byte in 0.6 s/ })
    await waitFor('the sockets to be closed', () => Promise.resolve(server.sockets.size === 0 ? true : undefined))
  })

  t.test(`an abort ends it with the signal's reason and closes every socket (${workers} workers)`, async (t) => {
    const abort = new AbortController()
    const reason = new Error('SIGTERM')
    const server = await serve(t, {}, ({ number }) => {
      if (number === 2) abort.abort(reason)
    })
    t.equal(
      (await run(server, partsOf(t.testdir(), 'k', model, { partBytes: 40_000 }), { workers, signal: abort.signal }))
        .error,
      reason,
    )
    await waitFor('the sockets to be closed', () => Promise.resolve(server.sockets.size === 0 ? true : undefined))
  })
}

t.test('an abort does not wait for credentials or for the parts that are still being listed', async (t) => {
  const server = await serve(t, { model })
  const never = new Promise<never>(() => undefined)
  const reason = new Error('enough')
  t.equal((await run(server, [], { signal: AbortSignal.abort(reason) })).error, reason)
  for (const [parts, credentials] of [
    [[], () => never],
    [
      (async function* (): AsyncGenerator<PartJob> {
        yield await never
      })(),
      () => Promise.resolve(keys),
    ],
  ] as const) {
    const abort = new AbortController()
    setImmediate(() => {
      abort.abort(reason)
    })
    t.equal((await run(server, parts, { signal: abort.signal, credentials })).error, reason)
  }
})

t.test('a closed port and a name that does not exist are distinguished', async (t) => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  const origin = { protocol: 'http:', host: '127.0.0.1', port, pathPrefix: '' } as const
  const refused = await run({ origin }, partsOf(t.testdir(), 'k', model), {
    retries: { patienceMs: 1000, firstDelayMs: 1 },
  })
  t.match(refused.error, { kind: 'network', code: 'ECONNREFUSED' })
  t.ok(refused.retries.length > 1)
  t.match(
    (
      await run({ origin: { ...origin, host: 'model.invalid' } }, partsOf(t.testdir(), 'k', model), {
        retries: { patienceMs: 0 },
      })
    ).error,
    { kind: 'dns' },
  )
})

t.test('a connection that the server closed between two answers costs no try', async (t) => {
  const directory = t.testdir()
  const objects = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`k${i}`, stored(randomBytes(1000))]))
  // Says keep-alive and closes when the next request arrives.
  const served = new WeakSet<object>()
  const server = await serve(t, objects, ({ request, answer }) => {
    if (served.has(request.socket)) {
      request.socket.destroy()
      return
    }
    served.add(request.socket)
    answer()
  })
  const { error, done, retries } = await run(
    server,
    Object.entries(objects).flatMap(([key, object]) => partsOf(directory, key, object)),
    { retries: { patienceMs: 0 } },
  )
  t.equal(error, undefined)
  t.equal(done.length, 30)
  t.equal(retries.length, 0)
})

t.test('a file that cannot be written is reported as a fault of the volume', async (t) => {
  const server = await serve(t, { k: model })
  const directory = t.testdir({ file: '' })
  t.match((await run(server, partsOf(directory, 'k', model, { file: join(directory, 'missing', 'k') }))).error, {
    kind: 'notWritable',
    code: 'ENOENT',
  })
  t.match((await run(server, partsOf(directory, 'k', model, { file: join(directory, 'file', 'k') }))).error, {
    kind: 'foreign',
    code: 'ENOTDIR',
  })
  t.match(
    (await run(server, partsOf(directory, 'k', model, { file: '/dev/full', whole: false }), { fileMode: 0o666 })).error,
    { kind: 'noSpace', code: 'ENOSPC' },
  )
})

t.test('what the loader did not make is neither followed, nor waited for, nor changed', async (t) => {
  const server = await serve(t, { k: model })
  const cases: readonly (readonly [what: string, plant: (root: string) => unknown, says: RegExp])[] = [
    ['a link', (root) => symlink('../victim', join(root, 'd/k')), /d\/k is a link$/],
    ['a link to nothing', (root) => symlink('nowhere', join(root, 'd/k')), /d\/k is a link$/],
    ['a hard link', (root) => link(join(root, 'victim'), join(root, 'd/k')), /d\/k has another name, too$/],
    ['a pipe', (root) => execFileSync('mkfifo', [join(root, 'd/k')]), /d\/k is a pipe or a socket$/],
    ['a directory', (root) => mkdir(join(root, 'd/k')), /d\/k is a directory$/],
    [
      'a directory that is a link',
      async (root) => {
        await rename(join(root, 'd'), join(root, 'elsewhere'))
        await symlink('elsewhere', join(root, 'd'))
      },
      /d\/k is below something that is no directory$/,
    ],
  ]
  for (const [what, plant, says] of cases) {
    await t.test(what, async (t) => {
      const root = t.testdir({ victim: 'precious', d: {} })
      await plant(root)
      const parts = partsOf(root, 'k', model, { file: join(root, 'd/k') })
      t.match((await run(server, parts, { root })).error, { kind: 'foreign', message: says })
      t.equal(await readFile(join(root, 'victim'), 'utf8'), 'precious')
      t.notOk(existsSync(join(root, 'elsewhere/k')))
    })
  }
})

t.test('files of more directories than a thread keeps open land in theirs', async (t) => {
  const root = t.testdir()
  const tiny = stored(Buffer.from('tiny'))
  const server = await serve(t, { k: tiny })
  const parts: PartJob[] = []
  for (let i = 0; i < 200; i++) {
    const file = join(root, `${i % 100}`, 'sub', `${i}`)
    await mkdir(dirname(file), { recursive: true })
    parts.push({ ...partsOf(root, 'k', tiny, { file })[0]!, object: i })
  }
  t.equal((await run(server, parts, { root })).error, undefined)
  const bodies = await Promise.all(parts.map(({ file }) => readFile(file)))
  t.ok(bodies.every((body) => body.equals(tiny.body)))
})

t.test('parts are taken only as they can be worked off', async (t) => {
  const directory = t.testdir()
  const object = stored(Buffer.from('x'))
  const server = await serve(t, { k: object })
  const [part] = partsOf(directory, 'k', object)
  let [taken, done, ahead] = [0, 0, 0]
  function* parts(): Generator<PartJob> {
    for (let i = 0; i < 5000; i++) {
      ahead = Math.max(ahead, ++taken - done)
      yield { ...part!, object: i }
    }
  }
  const settings = {
    origin: server.origin,
    region: 'r',
    workers: 2,
    connectionsPerWorker: 2,
    stallTimeoutMs: 20_000,
    fileMode: 0o644,
  }
  await start(settings).move(
    parts(),
    () => {
      done++
    },
    {
      credentials: () => Promise.resolve(keys),
      signal: new AbortController().signal,
      onProgress: () => undefined,
    },
  )
  t.equal(done, 5000)
  t.ok(ahead < 700, `${ahead} ahead`)
})

t.test('a part counts when the caller has dealt with it, and the caller can end it', async (t) => {
  const directory = t.testdir()
  const server = await serve(t, { model })
  const parts = partsOf(directory, 'model', model, { partBytes: 1_000_000 })
  const settings = {
    origin: server.origin,
    region: 'r',
    workers: 0,
    connectionsPerWorker: 2,
    stallTimeoutMs: 20_000,
    fileMode: 0o644,
  }
  const options = {
    credentials: () => Promise.resolve(keys),
    signal: new AbortController().signal,
    onProgress: () => undefined,
  }
  let journalled = 0
  await start(settings).move(
    parts,
    async ({ offset }) => {
      await writeFile(join(directory, `journal-${offset}`), '')
      journalled++
    },
    options,
  )
  t.equal(journalled, parts.length)
  const broken = new Error('the journal is broken')
  await t.rejects(
    start(settings).move(
      parts,
      () => {
        throw broken
      },
      options,
    ),
    broken,
  )
})

t.test('many 503 make it ask for less', async (t) => {
  const directory = t.testdir()
  const objects = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`k${i}`, stored(randomBytes(100))]))
  let [busy, most, throttled] = [0, 0, 0]
  const server = await serve(t, objects, ({ response, answer }) => {
    if (throttled < 16) {
      throttled++
      answerError(response, 503, 'SlowDown')
      return
    }
    most = Math.max(most, ++busy)
    // A server that takes its time, so that requests are under way together.
    setTimeout(() => {
      busy--
      answer()
    }, 50)
  })
  const { error } = await run(
    server,
    Object.entries(objects).flatMap(([key, object]) => partsOf(directory, key, object)),
    { connectionsPerWorker: 16 },
  )
  t.equal(error, undefined)
  t.ok(most <= 9, `${most} at once`)
})

for (const { parts, bytes, atOnce } of [
  { parts: 'small parts', bytes: 1000, atOnce: 15 },
  { parts: 'large parts', bytes: 1024 * 1024 + 1, atOnce: 5 },
]) {
  t.test(`of 15 connections, ${parts} take ${atOnce} at once`, async (t) => {
    const directory = t.testdir()
    const object = stored(randomBytes(bytes))
    const held: (() => void)[] = []
    let most = 0
    const server = await serve(t, { k: object }, ({ answer }) => {
      most = Math.max(most, held.push(answer))
      if (held.length !== atOnce) return
      // One too many would arrive meanwhile.
      setTimeout(() => {
        for (const go of held.splice(0)) go()
      }, 50)
    })
    const [part] = partsOf(directory, 'k', object)
    const all = Array.from({ length: 2 * atOnce }, (_, i) => ({ ...part!, object: i, file: join(directory, `f${i}`) }))
    const { error, done } = await run(server, all, { connectionsPerWorker: 15 })
    t.equal(error, undefined)
    t.equal(done.length, all.length)
    t.equal(most, atOnce)
  })
}
