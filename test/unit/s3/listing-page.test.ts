/** Answers of servers instead of a page of a listing: the loader, the publisher and `check` accept none of them. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { s3View } from '../../../src/check/identity/s3-view.ts'
import { s3Client, type S3Options } from '../../../src/s3/client.ts'
import { locateBucket, type BucketLocation } from '../../../src/s3/location.ts'
import type { ListedObject, S3 } from '../../../src/s3/s3.ts'

type Answer = string | { readonly body: string | Buffer; readonly headers?: Readonly<Record<string, string>> }

const prefix = 'm/'
const a = contents('m/a')
const unbelievable = { name: 'S3Error', problem: { kind: 'unbelievable', status: 200 } }

function contents(key: string, size = '<Size>1</Size>'): string {
  return `<Contents><Key>${key}</Key>${size}<ETag>"e"</ETag></Contents>`
}

function listing(inner: string, token?: string): string {
  const next = token === undefined ? '' : `<NextContinuationToken>${token}</NextContinuationToken>`
  return `<?xml version="1.0"?><ListBucketResult>${inner}${next}<IsTruncated>${token !== undefined}</IsTruncated></ListBucketResult>`
}

/** Answers each page of a listing by its token; the first has none. */
async function serverOf(
  t: Test,
  answers: (token: string | undefined) => Answer | undefined,
): Promise<{ readonly options: S3Options; readonly asked: (string | undefined)[]; readonly endpoint: string }> {
  const asked: (string | undefined)[] = []
  const server = createServer(({ url = '/' }, response) => {
    const token = new URL(url, 'http://s3').searchParams.get('continuation-token') ?? undefined
    asked.push(token)
    send(response, answers(token))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const end = new AbortController()
  t.teardown(() => {
    end.abort()
  })
  const locate = (bucket: string): BucketLocation => {
    const location = locateBucket(bucket, { region: undefined, endpoint }, {})
    if (!location.ok) throw new Error(location.problem)
    return location.value
  }
  return { options: { locate, credentials: undefined, signal: end.signal, patienceMs: 2000 }, asked, endpoint }
}

/** Undefined is no answer. */
function send(response: ServerResponse, answer: Answer | undefined): void {
  if (answer === undefined) return
  const { body, headers = {} } = typeof answer === 'string' ? { body: answer } : answer
  response.writeHead(200, { 'content-type': 'application/xml', ...headers })
  response.end(body)
}

function s3With(options: S3Options): S3 {
  return s3Client(options)
}

async function keysOf(pages: AsyncIterable<readonly ListedObject[]>): Promise<readonly string[]> {
  const keys: string[] = []
  for await (const page of pages) keys.push(...page.map(({ key }) => key))
  return keys
}

async function collect<T>(pages: AsyncIterable<readonly T[]>): Promise<readonly T[]> {
  const all: T[] = []
  for await (const page of pages) all.push(...page)
  return all
}

const noPages: readonly (readonly [what: string, answer: Answer, says: RegExp])[] = [
  ['an empty body', '', /with an empty body, not with a listing/],
  [
    'a web page',
    { body: '<!doctype html>\n<html><title>Sign in</title>\u001b[2J', headers: { 'content-type': 'text/html' } },
    /with a web page \(HTML\): "<!doctype html>\\n<html><title>Sign in<\/title>\\u001b\[2J", not with a listing/,
  ],
  ['a web page that is XML', '<?xml version="1.0"?><html xmlns="x"/>', /with a web page/],
  ['JSON', '{"objects":[]}', /with JSON: "\{\\"objects\\":\[\]\}", not with a listing/],
  ['text', 'it works', /with text: "it works", not with a listing/],
  [
    'other XML',
    '<?xml version="1.0"?><!-- x --><ListAllMyBucketsResult/>',
    /XML of another kind \(ListAllMyBucketsResult\)/,
  ],
  [
    'XML whose name begins like a listing',
    '<ListBucketResults><IsTruncated>false</IsTruncated></ListBucketResults>',
    /XML of another kind \(ListBucketResults\)/,
  ],
  [
    'a packed body',
    { body: gzipSync(listing(a)), headers: { 'content-encoding': 'gzip' } },
    /bytes \(content-encoding "gzip"\)/,
  ],
  ['more than a page can have', listing(a + ' '.repeat(17 * 2 ** 20)), /more than 16777216 bytes/],
  [
    'a listing that is cut off',
    listing(a + contents('m/b')).slice(0, -5),
    /cannot be read: .*(?:unclosed|unexpected end)/,
  ],
  ['a listing that says nothing of its end', '<ListBucketResult></ListBucketResult>', /whether it is the last page/],
  [
    'a listing that says something else of its end',
    `<ListBucketResult>${a}<IsTruncated>maybe</IsTruncated></ListBucketResult>`,
    /whether it is the last page/,
  ],
  [
    'a listing that says twice whether it ends',
    `<ListBucketResult><IsTruncated>false</IsTruncated><IsTruncated>true</IsTruncated></ListBucketResult>`,
    /whether it is the last page/,
  ],
  ['fewer keys than it says', listing(`${a}<KeyCount>2</KeyCount>`), /says it has 2 keys and has 1/],
  ['a count that is none', listing(`${a}<KeyCount>many</KeyCount>`), /says it has "many" keys/],
  ['an object without a key', listing('<Contents><Size>1</Size></Contents>'), /an object without a key/],
  ['an empty key', listing(contents('')), /an object without a key/],
  [
    'two keys of one object',
    listing('<Contents><Key>m/a</Key><Key>m/b</Key><Size>1</Size></Contents>'),
    /cannot be read/,
  ],
  ['an object without a size', listing(contents('m/a', '')), /no size for "m\/a"/],
  ['an empty size', listing(contents('m/a', '<Size></Size>')), /a size which is no number of bytes: "<Size><\/Size>/],
  ['a closed size', listing(contents('m/a', '<Size/>')), /a size which is no number of bytes/],
  ['a negative size', listing(contents('m/a', '<Size>-1</Size>')), /a size which is no number of bytes: "<Size>-1</],
  ['a size that is a word', listing(contents('m/a', '<Size>NaN</Size>')), /a size which is no number of bytes/],
  ['half a byte', listing(contents('m/a', '<Size>0.5</Size>')), /a size which is no number of bytes/],
  ['a size in another notation', listing(contents('m/a', '<Size>1e3</Size>')), /a size which is no number of bytes/],
  [
    'a size that no number holds',
    listing(contents('m/a', `<Size>${'9'.repeat(30)}</Size>`)),
    /a size which is no number/,
  ],
  [
    'a size beyond whole numbers',
    listing(contents('m/a', '<Size>9007199254740993</Size>')),
    /9007199254740992 bytes for "m\/a"/,
  ],
  ['a key of another prefix', listing(a + contents('other/b')), /has "other\/b", which is not below "m\/"/],
  ['the listing of another prefix', listing('<Prefix>other/</Prefix>'), /of another prefix, "other\/"/],
  [
    'the listing of a narrower prefix',
    listing(`<Prefix>m/sub/</Prefix>${contents('m/sub/a')}`),
    /of another prefix, "m\/sub\/"/,
  ],
  ['groups of keys', listing('<CommonPrefixes><Prefix>m/sub/</Prefix></CommonPrefixes>'), /groups keys/],
  [
    'a key that is not encoded',
    listing(`<EncodingType>url</EncodingType>${contents('m/100%')}`),
    /"m\/100%", which is not encoded/,
  ],
  ['an encoding of its own', listing('<EncodingType>base64</EncodingType>'), /of the encoding "base64"/],
]

for (const [what, answer, says] of noPages) {
  t.test(`${what} is no page of a listing`, async (t) => {
    const first = await serverOf(t, () => answer)
    await t.rejects(keysOf(s3With(first.options).list('bucket', prefix)), { ...unbelievable, message: says })
    t.equal(first.asked.length, 1, 'and is not asked for again')
    const third = await serverOf(
      t,
      (token) => [listing(a, '1'), listing(contents('m/b'), '2'), answer][Number(token ?? 0)],
    )
    await t.rejects(keysOf(s3With(third.options).list('bucket', prefix)), { ...unbelievable, message: says })
    t.strictSame(third.asked, [undefined, '1', '2'])
  })
}

t.test('the publisher and check accept the same pages', async (t) => {
  const { options, endpoint } = await serverOf(t, () => '<html/>')
  const calls = s3With(options)
  await t.rejects(collect(calls.directories('bucket', prefix)), unbelievable)
  await t.rejects(calls.find('bucket', 'm/manifest'), unbelievable)
  process.env.AWS_ENDPOINT_URL_S3 = endpoint
  t.teardown(() => {
    delete process.env.AWS_ENDPOINT_URL_S3
  })
  const view = s3View('us-east-1', { accessKeyId: 'a', secretAccessKey: 's' }, options.signal)
  const refused = { ok: false, refusal: { status: 200, message: /not with a listing/ } }
  t.match(await view.list('bucket', prefix), refused)
  t.match(await view.directories('bucket', prefix), refused)
})

t.test('variants of real servers are accepted as pages', async (t) => {
  for (const [answer, keys] of [
    [
      `<?xml version="1.0"?>\n<!-- x -->\n<ListBucketResult xmlns="x"><IsTruncated>False</IsTruncated></ListBucketResult>`,
      [],
    ],
    [listing(`${a}<KeyCount>1</KeyCount><Prefix>m/</Prefix><NextContinuationToken/>`), ['m/a']],
    [listing(`${a}<Prefix>m</Prefix>`), ['m/a']],
    [listing(`<EncodingType>url</EncodingType><Prefix>m%2F</Prefix>${contents('m%2Fa+b%2B')}`), ['m/a b+']],
    [listing(contents('m/a', '<Size>0</Size>')), ['m/a']],
    [{ body: listing(a), headers: { 'content-type': 'text/html', 'content-encoding': 'gzip' } }, ['m/a']],
  ] as const) {
    const { options } = await serverOf(t, () => answer)
    t.strictSame(await keysOf(s3With(options).list('bucket', prefix)), keys)
  }
})

t.test('an error that comes with 200 is the error', async (t) => {
  for (const [code, status] of [
    ['AccessDenied', 403],
    ['NoSuchBucket', 404],
  ] as const) {
    const { options } = await serverOf(t, () => `<?xml version="1.0"?><Error><Code>${code}</Code></Error>\n`)
    await t.rejects(keysOf(s3With(options).list('bucket', prefix)), {
      name: 'S3Error',
      problem: { code, status },
    })
  }
  let asked = 0
  const { options } = await serverOf(t, () => (++asked < 3 ? '<Error><Code>SlowDown</Code></Error>\n' : listing(a)))
  t.strictSame(await keysOf(s3With(options).list('bucket', prefix)), ['m/a'], 'and one that heals is asked again')
})

const circles: readonly (readonly [what: string, next: Readonly<Record<string, string>>, pages: number])[] = [
  ['the token of the page itself', { '': 'A', A: 'A' }, 2],
  ['the token of two pages before', { '': 'A', A: 'B', B: 'A' }, 3],
  ['an empty token', { '': '' }, 1],
]

for (const [what, next, pages] of circles) {
  t.test(`a listing that goes on with ${what} ends at once`, async (t) => {
    const answers = (token = ''): string => listing(contents(`m/x${token}`), next[token])
    const { options, asked } = await serverOf(t, answers)
    const says = { ...unbelievable, message: /goes in a circle|there is more, and not how to get it/ }
    await t.rejects(keysOf(s3With(options).list('bucket', prefix)), says)
    t.equal(asked.length, pages)
  })
}

t.test('a listing that says there is more, and not how to get it, is an error; as a hint it will do', async (t) => {
  const more = `<ListBucketResult><IsTruncated>true</IsTruncated>${a}</ListBucketResult>`
  const { options } = await serverOf(t, () => more)
  await t.rejects(keysOf(s3With(options).list('bucket', prefix)), { message: /not how to get it/ })
  t.match(await s3With(options).peek('bucket', prefix, 1), [{ key: 'm/a' }])
  t.match(await s3With(options).find('bucket', 'm/a'), { size: 1, etag: '"e"' })
})

t.test('so is one of versions, of which the newest may be missing, or which goes in a circle', async (t) => {
  const version = '<CommonPrefixes><Prefix>m/1.0.0/</Prefix></CommonPrefixes>'
  const lost = await serverOf(t, () => `<ListBucketResult><IsTruncated>true</IsTruncated>${version}</ListBucketResult>`)
  await t.rejects(collect(s3With(lost.options).directories('bucket', prefix)), {
    message: /not how to get it/,
  })
  const circle = await serverOf(t, () => listing(version, 'A'))
  await t.rejects(collect(s3With(circle.options).directories('bucket', prefix)), { message: /in a circle/ })
  t.equal(circle.asked.length, 2)
  const deep = await serverOf(t, () => listing(contents('m/1.0.0/config.json')))
  await t.rejects(collect(s3With(deep.options).directories('bucket', prefix)), { message: /asked to group/ })
  const none = await serverOf(t, () => listing('<CommonPrefixes><Prefix>m/1.0.0</Prefix></CommonPrefixes>'))
  await t.rejects(collect(s3With(none.options).directories('bucket', prefix)), {
    message: /"m\/1.0.0", which is none/,
  })
})

t.test('an object is looked for until a page has one, and on none that is empty', async (t) => {
  const { options, asked } = await serverOf(t, (token) => (token === undefined ? listing('', 'A') : listing(a)))
  t.match(await s3With(options).find('bucket', 'm/a'), { size: 1, etag: '"e"', lastModified: new Date(0) })
  t.equal(asked.length, 2)
})

for (const [what, answers] of [
  ['always has another page', (token = '0') => listing('', String(Number(token) + 1))],
  ['never answers', () => undefined],
] as const) {
  t.test(`a listing that ${what} ends at its deadline`, async (t) => {
    const { options } = await serverOf(t, answers)
    const bounded = { ...options, longestListingMs: 300 }
    const says = { problem: { kind: 'endless' }, message: /the listing did not end within/ }
    await t.rejects(keysOf(s3With(bounded).list('bucket', prefix)), says)
    await t.rejects(collect(s3With(bounded).directories('bucket', prefix)), says)
  })
}
