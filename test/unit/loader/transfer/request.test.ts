import aws4 from 'aws4'
import fc from 'fast-check'
import t from 'tap'
import { buildRequest, encodeKey, writeRequest } from '../../../../src/loader/transfer/http/request.ts'
import { signHeaders } from '../../../../src/loader/transfer/http/sign.ts'

const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' }
const origin = { protocol: 'https:', host: 's3.eu-west-1.amazonaws.com', port: 443, pathPrefix: '/my-bucket' } as const

t.test('the signature is that of the example which AWS publishes for GET Object', (t) => {
  const headers = signHeaders(
    '/test.txt',
    { host: 'examplebucket.s3.amazonaws.com', range: 'bytes=0-9' },
    { region: 'us-east-1', credentials, now: new Date('2013-05-24T00:00:00Z') },
  )
  t.equal(
    headers.authorization,
    'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, ' +
      'SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  )
  t.end()
})

t.test('the signature is the one that aws4 makes, for any key, token and day', (t) => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', minLength: 1 }),
      fc.option(fc.base64String({ minLength: 4 })),
      fc.date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true }),
      (key, token, now) => {
        const path = `/my-bucket/${encodeKey(key)}`
        const headers = { host: 's3.eu-west-1.amazonaws.com', 'if-match': '"abc"', range: 'bytes=5-9' }
        const all = { ...credentials, ...(token !== null && { sessionToken: token }) }
        const ours = signHeaders(path, headers, { region: 'eu-west-1', credentials: all, now })
        const theirs = aws4.sign(
          {
            service: 's3',
            region: 'eu-west-1',
            method: 'GET',
            path,
            extraHeadersToInclude: { range: true },
            headers: { ...headers, 'x-amz-date': ours['x-amz-date'] },
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

t.test('a change of credentials or region is signed with the new ones', (t) => {
  const signatures = [credentials, { ...credentials, secretAccessKey: 'another' }, credentials].flatMap((each) =>
    ['us-east-1', 'eu-west-1'].map(
      (region) =>
        signHeaders('/k', { host: 'h' }, { region, credentials: each, now: new Date('2026-01-01') }).authorization,
    ),
  )
  t.equal(new Set(signatures).size, 4)
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
  const { path, headers } = buildRequest(
    { key: 'm/a b', etag: '"e1"', range: { first: 100, last: 299 } },
    origin,
    'eu-west-1',
    credentials,
  )
  t.equal(path, '/my-bucket/m/a%20b')
  t.match(headers, { host: 's3.eu-west-1.amazonaws.com', 'if-match': '"e1"', range: 'bytes=100-299' })
  t.match(headers.authorization, /SignedHeaders=host;if-match;range;/)
  t.notOk(headers['x-amz-checksum-mode'])
  t.end()
})

t.test('a whole object is asked for with its checksums and without a range', (t) => {
  const { headers } = buildRequest({ key: 'k', etag: 'e1', range: undefined }, origin, 'eu-west-1', credentials)
  t.match(headers, { 'if-match': '"e1"', 'x-amz-checksum-mode': 'ENABLED' })
  t.notOk(headers.range)
  t.end()
})

t.test('without credentials nothing is signed', (t) => {
  const { headers } = buildRequest(
    { key: 'k', etag: '"e"', range: undefined },
    { ...origin, host: '::1', port: 9000 },
    'eu-west-1',
    undefined,
  )
  t.strictSame(headers, { host: '[::1]:9000', 'if-match': '"e"', 'x-amz-checksum-mode': 'ENABLED' })
  t.end()
})

t.test('a line break in an ETag cannot smuggle a header', (t) => {
  const request = buildRequest({ key: 'k', etag: '"e"\r\nX-Evil: 1', range: undefined }, origin, 'eu-west-1', undefined)
  t.throws(() => writeRequest(request), /if-match/)
  t.end()
})
