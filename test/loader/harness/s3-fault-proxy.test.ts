import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { Agent, get as httpsGet } from 'node:https'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  S3Client,
  paginateListObjectsV2,
  type S3ClientConfig,
} from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { s5cmdBinary } from '../../kit/tools/go-binaries.ts'
import { startFaultProxy, type FaultProxy, type FaultProxyOptions } from '../../kit/s3/s3-fault-proxy.ts'
import { startS3Server } from '../../kit/s3/s3-server.ts'
import { waitFor } from '../../kit/tools/wait-for.ts'

// The first run on a machine builds the server from source.
t.setTimeout(15 * 60 * 1000)

const content = Buffer.from('0123456789'.repeat(1000))
const server = await startS3Server(t.testdir(), { tls: true })
t.teardown(() => server.stop())
await server.putObject('models', 'llama/weights', content, { checksum: 'CRC32' })
await server.putObject('models', 'llama/config', '{}')
await server.putObject('models', 'llama-2/config', '{}')
const rootKeys = { accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey }

t.test('a proxy without faults', async (t) => {
  const proxy = await start(t)

  await t.test('is S3 for the AWS SDK', async (t) => {
    const client = sdk(proxy)
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: 'models', Prefix: 'llama/' }))
    t.strictSame(
      Contents.map(({ Key, Size }) => [Key, Size]),
      [
        ['llama/config', 2],
        ['llama/weights', content.length],
      ],
    )
    const { Body, ChecksumCRC32 } = await client.send(
      new GetObjectCommand({ Bucket: 'models', Key: 'llama/weights', ChecksumMode: 'ENABLED' }),
    )
    t.ok(Buffer.from((await Body?.transformToByteArray()) ?? []).equals(content))
    t.match(ChecksumCRC32, /==$/)
    await t.rejects(client.send(new HeadObjectCommand({ Bucket: 'models', Key: 'none' })), { name: 'NotFound' })
    await t.rejects(client.send(new ListObjectsV2Command({ Bucket: 'nowhere' })), { name: 'NoSuchBucket' })
  })

  await t.test('is S3 for s5cmd, and records what it asked', async (t) => {
    proxy.reset()
    await s5cmd(proxy, ['cp', 's3://models/llama/*', `${t.testdir()}/`])
    t.ok((await readFile(join(t.testdirName, 'weights'))).equals(content))
    t.strictSame(
      proxy.requests
        .map(({ operation, prefix, key, accessKeyId, status }) => [operation, prefix ?? key, accessKeyId, status])
        .sort(),
      [
        ['get', 'llama/config', server.accessKeyId, 206],
        ['get', 'llama/weights', server.accessKeyId, 206],
        ['list', 'llama/', server.accessKeyId, 200],
      ],
    )
  })

  await t.test('pages through thousands of objects, forged ones among them', async (t) => {
    const keys = Array.from({ length: 2500 }, (_, index) => `p/${String(index).padStart(5, '0')}`)
    for (const key of keys) await server.placeObject('many', key, 'x')
    const forged = ['p/', 'p/00999/forged', 'p/01500//b', 'p/9']
    for (const key of forged) proxy.forge('many', { key, body: 'forged' })
    proxy.hide('many', 'p/00010')
    const found: string[] = []
    for await (const page of paginateListObjectsV2({ client: sdk(proxy) }, { Bucket: 'many', Prefix: 'p/' })) {
      found.push(...(page.Contents ?? []).map(({ Key = '' }) => Key))
    }
    t.strictSame(found, [...keys.filter((key) => key !== 'p/00010'), ...forged].sort())
    const pages = proxy.requests.filter(({ bucket }) => bucket === 'many')
    t.equal(pages.length, 3)
    t.strictSame(
      pages.map(({ continuationToken }) => continuationToken === undefined),
      [true, false, false],
    )
  })

  await t.test('groups by delimiter', async (t) => {
    const { CommonPrefixes = [], Contents = [] } = await sdk(proxy).send(
      new ListObjectsV2Command({ Bucket: 'models', Delimiter: '/' }),
    )
    t.strictSame([CommonPrefixes.map(({ Prefix }) => Prefix), Contents], [['llama-2/', 'llama/'], []])
  })
})

t.test('only who can sign comes in', async (t) => {
  const credentials = new Map([
    ['AKIAGOOD', { secretAccessKey: 'good/secret+=' }],
    ['ASIATEMP', { secretAccessKey: 'temp', sessionToken: 'token/+=', expiresAt: new Date(Date.now() + 3600_000) }],
    ['ASIAOLD', { secretAccessKey: 'old', sessionToken: 'token', expiresAt: new Date(Date.now() - 1000) }],
    ['ASIATEAM', { secretAccessKey: 'team', allowedPrefixes: ['models/llama/'] }],
  ])
  const proxy = await start(t, { credentials })
  const list = (keys: NonNullable<S3ClientConfig['credentials']>, Prefix = 'llama/', options: S3ClientConfig = {}) =>
    sdk(proxy, { credentials: keys, ...options }).send(new ListObjectsV2Command({ Bucket: 'models', Prefix }))
  const team = { accessKeyId: 'ASIATEAM', secretAccessKey: 'team' }
  await t.resolves(list({ accessKeyId: 'AKIAGOOD', secretAccessKey: 'good/secret+=' }))
  await t.resolves(list({ accessKeyId: 'ASIATEMP', secretAccessKey: 'temp', sessionToken: 'token/+=' }))
  await t.resolves(list(team))
  const refusals = [
    ['a wrong secret', { accessKeyId: 'AKIAGOOD', secretAccessKey: 'wrong' }, 'SignatureDoesNotMatch', 403],
    ['an unknown key', { accessKeyId: 'AKIANOBODY', secretAccessKey: 'x' }, 'InvalidAccessKeyId', 403],
    ['a wrong token', { accessKeyId: 'ASIATEMP', secretAccessKey: 'temp', sessionToken: 'other' }, 'InvalidToken', 400],
    [
      'a temporary key without its token',
      { accessKeyId: 'ASIATEMP', secretAccessKey: 'temp' },
      'InvalidAccessKeyId',
      403,
    ],
    [
      'an expired token',
      { accessKeyId: 'ASIAOLD', secretAccessKey: 'old', sessionToken: 'token' },
      'ExpiredToken',
      400,
    ],
  ] as const
  for (const [name, keys, code, httpStatusCode] of refusals) {
    await t.rejects(list(keys), { name: code, $metadata: { httpStatusCode } }, name)
  }
  await t.rejects(list(team, 'llama-2/'), { name: 'AccessDenied' }, 'a foreign prefix')
  await t.rejects(list(team, ''), { name: 'AccessDenied' }, 'a shorter prefix')
  await t.rejects(
    sdk(proxy, { credentials: team }).send(new GetObjectCommand({ Bucket: 'models', Key: 'llama-2/config' })),
    { name: 'AccessDenied' },
    'a foreign object',
  )
  await t.rejects(
    list({ accessKeyId: 'AKIAGOOD', secretAccessKey: 'good/secret+=' }, 'llama/', { region: 'eu-central-1' }),
    { name: 'AuthorizationHeaderMalformed' },
    'a wrong region',
  )
  await t.rejects(
    list({ accessKeyId: 'AKIAGOOD', secretAccessKey: 'good/secret+=' }, 'llama/', {
      systemClockOffset: 3600_000,
      maxAttempts: 1,
    }),
    { name: 'RequestTimeTooSkewed' },
    'a clock that is off',
  )
  t.match(
    await failureOf(s5cmd(proxy, ['--no-sign-request', 'ls', 's3://models/'])),
    { stderr: /AccessDenied/ },
    'nobody',
  )
  t.ok(
    proxy.requests.some(
      ({ accessKeyId, status, errorCode }) =>
        accessKeyId === 'ASIAOLD' && status === 400 && errorCode === 'ExpiredToken',
    ),
  )
})

t.test('faults', async (t) => {
  const proxy = await start(t, { anonymous: true })
  const key = 'llama/weights'
  const match = { operation: 'get' } as const
  t.beforeEach(() => {
    proxy.reset()
  })

  await t.test(
    'an error status is S3 XML, for the configured number of requests and from the configured one',
    async (t) => {
      const fault = proxy.fault({
        match: { ...match, nth: 2 },
        times: 2,
        action: { kind: 'status', status: 503, code: 'SlowDown', message: 'Please reduce your request rate.' },
      })
      const answers = [await read(proxy, key), await read(proxy, key), await read(proxy, key), await read(proxy, key)]
      t.strictSame(
        answers.map(({ status }) => status),
        [200, 503, 503, 200],
      )
      t.match(
        answers[1]?.body.toString(),
        /<Error><Code>SlowDown<\/Code><Message>Please reduce your request rate.<\/Message><RequestId>/,
      )
      t.equal(fault.hits, 2)
      t.strictSame(
        proxy.requests.map(({ errorCode }) => errorCode),
        [undefined, 'SlowDown', 'SlowDown', undefined],
      )
    },
  )

  await t.test('a fault hits only what matches', async (t) => {
    proxy.fault({
      match: { key: /config$/ },
      times: 'always',
      action: { kind: 'status', status: 500, code: 'InternalError' },
    })
    proxy.fault({
      match: { range: /^bytes=5-/ },
      times: 'always',
      action: { kind: 'status', status: 429, code: 'TooManyRequests' },
    })
    const statuses = [
      await read(proxy, key),
      await read(proxy, 'llama/config'),
      await read(proxy, key, 'bytes=5-6'),
      await read(proxy, key, 'bytes=0-6'),
    ].map(({ status }) => status)
    t.strictSame(statuses, [200, 500, 429, 206])
  })

  await t.test('a redirect names the region', async (t) => {
    proxy.fault({ match: { operation: 'list' }, action: { kind: 'redirect', region: 'us-west-2' } })
    const answer = await request(proxy, '/models?list-type=2')
    t.strictSame([answer.status, answer.headers['x-amz-bucket-region']], [301, 'us-west-2'])
    t.match(answer.body.toString(), /<Code>PermanentRedirect<\/Code>/)
  })

  await t.test('a truncated body is shorter than its content-length', async (t) => {
    proxy.fault({ match, action: { kind: 'truncate', afterBytes: 1234 } })
    const answer = await read(proxy, key)
    t.strictSame([answer.headers['content-length'], answer.body.length, answer.error], ['10000', 1234, 'ECONNRESET'])
    t.equal(proxy.requests[0]?.bytesSent, 1234)
  })

  await t.test('a reset ends the connection', async (t) => {
    proxy.fault({ match, action: { kind: 'reset', afterBytes: 10 } })
    const answer = await read(proxy, key)
    t.strictSame([answer.headers['content-length'], answer.body.length, answer.error], ['10000', 10, 'ECONNRESET'])
  })

  await t.test('a stall lasts until the client goes', async (t) => {
    proxy.fault({ match, action: { kind: 'stall', afterBytes: 100 } })
    const response = await open(proxy, `/models/${key}`)
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => undefined)
    await waitFor('100 bytes', () => Promise.resolve(Buffer.concat(chunks).length === 100 || undefined))
    t.equal(proxy.openConnections, 1)
    response.destroy()
    await waitFor('the end of the connection', () => Promise.resolve(proxy.openConnections === 0 || undefined))
  })

  await t.test('a slow body takes its time', async (t) => {
    proxy.fault({ match, action: { kind: 'slow', bytesPerSecond: 20_000 } })
    const start = performance.now()
    t.ok((await read(proxy, key)).body.equals(content))
    t.ok(performance.now() - start > 400)
  })

  await t.test('a corrupt byte is one byte', async (t) => {
    proxy.fault({ match, action: { kind: 'corrupt', atByte: 7 } })
    const { body } = await read(proxy, key, 'bytes=10-29')
    t.strictSame(
      [...body].flatMap((byte, index) => (byte === content[10 + index] ? [] : index)),
      [7],
    )
  })

  await t.test('a dropped connection has no answer', async (t) => {
    proxy.fault({ match, action: { kind: 'drop' } })
    await t.rejects(read(proxy, key), { code: 'ECONNRESET' })
  })

  await t.test('a replaced object has another ETag, and the pinned request fails', async (t) => {
    await server.putObject('models', 'replaced', 'before')
    const before = await read(proxy, 'replaced')
    proxy.fault({ match, action: { kind: 'replace', body: 'behind' } })
    const pinned = await read(proxy, 'replaced', undefined, { 'if-match': String(before.headers.etag) })
    t.equal(pinned.status, 412)
    t.equal((await read(proxy, 'replaced')).body.toString(), 'behind')
  })

  await t.test('a range can be ignored, and its answer can lie', async (t) => {
    proxy.fault({ match, action: { kind: 'ignore-range' } })
    const ignored = await read(proxy, key, 'bytes=0-9')
    t.strictSame(
      [ignored.status, ignored.body.length, ignored.headers['content-range']],
      [200, content.length, undefined],
    )
    proxy.fault({
      match,
      action: { kind: 'headers', headers: { 'content-range': 'bytes 5-14/10000', etag: undefined } },
    })
    const lying = await read(proxy, key, 'bytes=0-9')
    t.strictSame(
      [lying.status, lying.headers['content-range'], lying.headers.etag],
      [206, 'bytes 5-14/10000', undefined],
    )
  })

  await t.test('a chunked answer on a connection that closes, both at once', async (t) => {
    proxy.fault({ match, action: { kind: 'chunked' } })
    proxy.fault({ match, action: { kind: 'close' } })
    const { headers, body } = await read(proxy, key)
    t.strictSame(
      [headers['content-length'], headers['transfer-encoding'], headers.connection],
      [undefined, 'chunked', 'close'],
    )
    t.ok(body.equals(content))
  })

  await t.test('requests on one connection have one id', async (t) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: proxy.caCertificate })
    t.teardown(() => {
      agent.destroy()
    })
    for (let count = 0; count < 3; count++) await request(proxy, `/models/${key}`, {}, agent)
    await request(proxy, `/models/${key}`)
    const [first, second, third, other] = proxy.requests.map(({ connectionId }) => connectionId)
    t.ok(first === second && second === third && third !== other)
  })
})

t.test('forged objects', async (t) => {
  const proxy = await start(t, { anonymous: true })
  const odd = [
    'odd/../x',
    'odd//b',
    'odd/k',
    'odd/k/x',
    'odd/new\nline',
    'odd/\u0001',
    'odd/a&b <c>',
    'odd/plus+ %41',
    'odd/ünï💡',
    'odd/marker/',
    '-odd',
  ]
  for (const key of odd) proxy.forge('models', { key, body: `body of ${key}` })

  await t.test('are listed as S3 lists them, escaped or URL-encoded', async (t) => {
    const plain = (await request(proxy, '/models?list-type=2&prefix=odd/')).body.toString()
    t.match(plain, '<Key>odd/a&amp;b &lt;c&gt;</Key>')
    t.match(plain, '<Key>odd/&#1;</Key>')
    const encoded = (await request(proxy, '/models?list-type=2&prefix=odd/&encoding-type=url')).body.toString()
    const keys = [...encoded.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) =>
      decodeURIComponent(key.replaceAll('+', ' ')),
    )
    t.strictSame([...keys].sort(), odd.filter((key) => key.startsWith('odd/')).sort())
    t.match(encoded, '<Key>odd/plus%2B+%2541</Key>')
    t.match(encoded, '<EncodingType>url</EncodingType>')
  })

  await t.test('are served to the AWS SDK, ranges too', async (t) => {
    for (const key of odd) {
      const { Body } = await sdk(proxy).send(new GetObjectCommand({ Bucket: 'models', Key: key }))
      t.equal(await Body?.transformToString(), `body of ${key}`, key)
    }
    const {
      Body,
      ContentRange,
      ETag = '',
    } = await sdk(proxy).send(new GetObjectCommand({ Bucket: 'models', Key: 'odd/k', Range: 'bytes=2-4' }))
    t.strictSame([await Body?.transformToString(), ContentRange], ['dy ', 'bytes 2-4/13'])
    await t.rejects(
      sdk(proxy).send(new GetObjectCommand({ Bucket: 'models', Key: 'odd/k', IfMatch: ETag.replace('"', '"x') })),
      { name: 'PreconditionFailed' },
    )
  })

  await t.test('may be archived, dated in the future, or of another size than listed', async (t) => {
    const future = new Date('2040-01-01T00:00:00Z')
    proxy.forge('models', { key: 'llama/config', storageClass: 'GLACIER', lastModified: future, size: 999 })
    const { Contents = [] } = await sdk(proxy).send(new ListObjectsV2Command({ Bucket: 'models', Prefix: 'llama/c' }))
    t.strictSame(
      Contents.map(({ StorageClass, LastModified, Size }) => [StorageClass, LastModified, Size]),
      [['GLACIER', future, 999]],
    )
    await t.rejects(sdk(proxy).send(new GetObjectCommand({ Bucket: 'models', Key: 'llama/config' })), {
      name: 'InvalidObjectState',
      $metadata: { httpStatusCode: 403 },
    })
    t.equal(
      (await sdk(proxy).send(new HeadObjectCommand({ Bucket: 'models', Key: 'llama/config' }))).StorageClass,
      'GLACIER',
    )
  })

  await t.test(
    'are seen by s5cmd as its own rules say: archived ones fail, those of the future it does not see',
    async (t) => {
      proxy.reset()
      proxy.forge('models', { key: 'llama/config', storageClass: 'GLACIER' })
      t.match(await failureOf(s5cmd(proxy, ['cp', 's3://models/llama/*', `${t.testdir()}/`])), {
        code: 1,
        stderr: /on Glacier storage/,
      })
      proxy.forge('models', { key: 'llama/config', lastModified: new Date('2040-01-01T00:00:00Z') })
      proxy.forge('models', { key: 'llama/weights', lastModified: new Date('2040-01-01T00:00:00Z') })
      await s5cmd(proxy, ['cp', 's3://models/llama/*', `${t.testdir()}/`])
      t.strictSame(
        proxy.requests.filter(({ operation }) => operation === 'get').map(({ key }) => key),
        ['llama/weights'],
      )
    },
  )
})

t.test('stop ends what stalls, and plain HTTP works too', async (t) => {
  const proxy = await startFaultProxy(server, { tls: false, anonymous: true })
  proxy.fault({ match: {}, action: { kind: 'stall', afterBytes: 1 } })
  const answer = await fetch(`${proxy.endpoint}/models/llama/weights`)
  const failed = t.rejects(answer.arrayBuffer())
  await proxy.stop()
  await failed
  await t.rejects(fetch(proxy.endpoint), { cause: { code: 'ECONNREFUSED' } })
})

async function start(t: Test, options: Partial<FaultProxyOptions> = {}): Promise<FaultProxy> {
  const proxy = await startFaultProxy(server, { tls: true, ...options })
  t.teardown(() => proxy.stop())
  return proxy
}

function sdk(proxy: FaultProxy, options: S3ClientConfig = {}): S3Client {
  return new S3Client({
    endpoint: proxy.endpoint,
    region: proxy.region,
    forcePathStyle: true,
    credentials: rootKeys,
    maxAttempts: 1,
    requestHandler: { httpsAgent: new Agent({ ca: proxy.caCertificate }) },
    ...options,
  })
}

async function s5cmd(proxy: FaultProxy, args: readonly string[]): Promise<void> {
  await promisify(execFile)(await s5cmdBinary(), ['-r', '1', ...args], {
    env: {
      S3_ENDPOINT_URL: proxy.endpoint,
      AWS_REGION: proxy.region,
      AWS_CA_BUNDLE: proxy.caCertificateFile,
      AWS_ACCESS_KEY_ID: server.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
    },
  })
}

function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

interface Answer {
  readonly status: number | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
  /** The code of what ended the body early. */
  readonly error: string | undefined
}

async function open(
  proxy: FaultProxy,
  path: string,
  headers: Record<string, string> = {},
  agent?: Agent,
): Promise<IncomingMessage> {
  const sent = httpsGet(`${proxy.endpoint}${path}`, { ca: proxy.caCertificate, headers, agent: agent ?? false })
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  // A reset is reported to the request, too.
  sent.on('error', () => undefined)
  return response
}

async function request(
  proxy: FaultProxy,
  path: string,
  headers: Record<string, string> = {},
  agent?: Agent,
): Promise<Answer> {
  const response = await open(proxy, path, headers, agent)
  const chunks: Buffer[] = []
  let error: string | undefined
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer)
  } catch (cause) {
    error = (cause as NodeJS.ErrnoException).code
  }
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks), error }
}

function read(proxy: FaultProxy, key: string, range?: string, headers: Record<string, string> = {}): Promise<Answer> {
  return request(proxy, `/models/${key}`, { ...(range === undefined ? {} : { range }), ...headers })
}
