import aws4 from 'aws4'
import fc from 'fast-check'
import t from 'tap'
import { buildRequest, encodeKey, pinnedGet, writeRequest, type GetTarget } from '../../../src/s3/http/request.ts'
import { signHeaders } from '../../../src/s3/http/sign.ts'
import type { Origin, S3Credentials } from '../../../src/s3/origin.ts'

const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' }
const origin = { protocol: 'https:', host: 's3.eu-west-1.amazonaws.com', port: 443, pathPrefix: '/my-bucket' } as const

const addedByAws4 = ['authorization', 'x-amz-security-token']

function getOf(target: GetTarget, server: Origin, signer?: S3Credentials): ReturnType<typeof buildRequest> {
  return buildRequest(pinnedGet(target), server, { region: 'eu-west-1', credentials: signer })
}

t.test('the signature is that of the example which AWS publishes for GET Object', (t) => {
  const headers = signHeaders(
    {
      method: 'GET',
      path: '/test.txt',
      query: '',
      headers: { host: 'examplebucket.s3.amazonaws.com', range: 'bytes=0-9' },
    },
    { region: 'us-east-1', credentials, now: new Date('2013-05-24T00:00:00Z') },
  )
  t.equal(
    headers.authorization,
    'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, ' +
      'SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  )
  t.end()
})

t.test('the signature is the one that aws4 makes, for any method, key, query, token and day', (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom('GET', 'HEAD'),
      fc.string({ unit: 'grapheme', minLength: 1 }),
      fc.dictionary(fc.stringMatching(/^[a-z-]{1,9}$/), fc.string({ unit: 'grapheme' }), { noNullPrototype: true }),
      fc.option(fc.base64String({ minLength: 4 })),
      (method, key, query, token) => {
        const all = { ...credentials, ...(token !== null && { sessionToken: token }) }
        const headers = { 'if-match': '"abc"', range: 'bytes=5-9', 'x-amz-optional-object-attributes': 'RestoreStatus' }
        const { url, headers: ours } = buildRequest(
          { method, key, query, headers },
          { ...origin, requesterPays: true },
          { region: 'eu-west-1', credentials: all },
        )
        const sent = Object.fromEntries(Object.entries(ours).filter(([name]) => !addedByAws4.includes(name)))
        const theirs = aws4.sign(
          {
            service: 's3',
            region: 'eu-west-1',
            method,
            path: url,
            extraHeadersToInclude: { range: true },
            headers: sent,
          } as aws4.Request,
          all,
        )
        return ours.authorization === theirs.headers?.Authorization
      },
    ),
    { numRuns: 300 },
  )
  t.pass('the same')
  t.end()
})

t.test('a change of credentials, region or day is signed with the new ones', (t) => {
  const signatures = [credentials, { ...credentials, secretAccessKey: 'another' }, credentials].flatMap((each) =>
    ['us-east-1', 'eu-west-1'].flatMap((region) =>
      ['2026-01-01', '2026-01-02'].map(
        (day) =>
          signHeaders(
            { method: 'GET', path: '/k', query: '', headers: { host: 'h' } },
            { region, credentials: each, now: new Date(day) },
          ).authorization,
      ),
    ),
  )
  t.equal(new Set(signatures).size, 8)
  t.end()
})

t.test('keys are encoded exactly once, byte by byte, but for the unreserved characters and the slash', (t) => {
  t.equal(encodeKey('a b/c+d'), 'a%20b/c%2Bd')
  t.equal(encodeKey(`-._~/it's"q"`), '-._~/it%27s%22q%22')
  t.equal(encodeKey('$(id)*!?#&='), '%24%28id%29%2A%21%3F%23%26%3D')
  t.equal(encodeKey('100%/%2F'), '100%25/%252F')
  t.equal(encodeKey('ü/日'), '%C3%BC/%E6%97%A5')
  t.equal(encodeKey('/a//b/'), '/a//b/')
  t.end()
})

t.test('a part asks for its range, pinned to the ETag, and all of it is signed', (t) => {
  const { url, headers } = getOf({ key: 'm/a b', etag: '"e1"', range: { first: 100, last: 299 } }, origin, credentials)
  t.equal(url, '/my-bucket/m/a%20b')
  t.match(headers, { host: 's3.eu-west-1.amazonaws.com', 'if-match': '"e1"', range: 'bytes=100-299' })
  t.match(headers.authorization, /SignedHeaders=host;if-match;range;/)
  t.notOk(headers['x-amz-checksum-mode'])
  t.end()
})

t.test('a whole object is asked for with its checksums and without a range', (t) => {
  const { headers } = getOf({ key: 'k', etag: 'e1', range: undefined }, origin, credentials)
  t.match(headers, { 'if-match': '"e1"', 'x-amz-checksum-mode': 'ENABLED' })
  t.notOk(headers.range)
  t.end()
})

t.test('without credentials nothing is signed', (t) => {
  const { headers } = getOf({ key: 'k', etag: '"e"', range: undefined }, { ...origin, host: '::1', port: 9000 })
  t.strictSame(headers, { host: '[::1]:9000', 'if-match': '"e"', 'x-amz-checksum-mode': 'ENABLED' })
  t.end()
})

t.test('a line break in an ETag cannot smuggle a header', (t) => {
  const request = getOf({ key: 'k', etag: '"e"\r\nX-Evil: 1', range: undefined }, origin)
  t.throws(() => writeRequest(request), /if-match/)
  t.end()
})

t.test('a bucket is asked with a sorted query, and the requester pays where that is chosen', (t) => {
  const target = { method: 'GET', query: { prefix: 'm/a b', 'list-type': '2' } } as const
  const anonymous = { region: 'eu-west-1', credentials: undefined }
  const { url, headers } = buildRequest(target, { ...origin, requesterPays: true }, anonymous)
  t.equal(url, '/my-bucket/?list-type=2&prefix=m%2Fa%20b')
  t.equal(headers['x-amz-request-payer'], 'requester')
  t.notOk(buildRequest(target, origin, anonymous).headers['x-amz-request-payer'])
  t.end()
})
