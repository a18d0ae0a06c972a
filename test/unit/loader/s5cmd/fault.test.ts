/** Errors of the s5cmd binary, as it writes them, and their meaning for the loader. */
import t from 'tap'
import { faultOf } from '../../../../src/loader/s5cmd/fault.ts'

const written: readonly (readonly [text: string, kind: string, remedy: string, words: RegExp])[] = [
  ['AccessDenied: no status code: 403, request id: , host id:', 'denied', 'giveUp', /AccessDenied: no \(status 403\)$/],
  ['Forbidden: Forbidden status code: 403, request id: , host id:', 'denied', 'giveUp', /403/],
  ['NoSuchKey: gone status code: 404, request id: , host id:', 'notFound', 'giveUp', /404/],
  ['NotFound: Not Found status code: 404, request id: , host id:', 'notFound', 'giveUp', /404/],
  ['NoSuchBucket: gone status code: 404, request id: , host id:', 'noSuchBucket', 'giveUp', /404/],
  ['ExpiredToken: old status code: 400, request id: , host id:', 'expired', 'refresh', /ExpiredToken/],
  ['BadRequest: Bad Request status code: 400, request id: , host id:', 'expired', 'refresh', /400/],
  ['RequestTimeTooSkewed: clock status code: 403, request id: , host id:', 'skewed', 'giveUp', /403/],
  ['InvalidObjectState: cold status code: 403, request id: , host id:', 'archived', 'giveUp', /403/],
  ['SlowDown: wait status code: 503, request id: , host id:', 'throttled', 'slow', /503/],
  ['ServiceUnavailable: Service Unavailable status code: 503, request id: , host id:', 'throttled', 'slow', /503/],
  ['InternalError: oh status code: 500, request id: , host id:', 'unavailable', 'retry', /500/],
  [
    "BucketRegionError: incorrect region, the bucket is not in 'a' region at endpoint '', bucket is in 'b' region status code: 301, request id: , host id:",
    'wrongRegion',
    'giveUp',
    /is in 'b' region/,
  ],
  ['unexpected EOF', 'network', 'retry', /^k: unexpected EOF$/],
  [
    'RequestError: send request failed caused by: Get "https://s3.invalid/b/k": dial tcp: lookup s3.invalid on 10.0.0.53:53: no such host',
    'dns',
    'retry',
    /^k: dial tcp: lookup/,
  ],
  [
    'RequestError: send request failed caused by: Get "http://127.0.0.1:1/b/k": dial tcp 127.0.0.1:1: connect: connection refused',
    'network',
    'retry',
    /connection refused$/,
  ],
  [
    'RequestError: send request failed caused by: Get "https://h/b/k": tls: failed to verify certificate: x509: certificate signed by unknown authority',
    'tls',
    'giveUp',
    /unknown authority$/,
  ],
  [
    'RequestError: send request failed caused by: Get "https://h/b/k": http: server gave HTTP response to HTTPS client',
    'plainHttp',
    'giveUp',
    /^k: http: server gave HTTP response/,
  ],
  ['write /model/.staging/arriving/1.object41: no space left on device', 'noSpace', 'giveUp', /no space left/],
  ['open /model/.staging/arriving/1.object41: permission denied', 'notWritable', 'giveUp', /permission denied/],
  ['write /model/.staging/arriving/1.object41: input/output error', 'notWritable', 'giveUp', /output error/],
]

for (const [text, kind, reaction, words] of written) {
  t.test(`${text.slice(0, 70)} is ${kind}`, (t) => {
    const fault = faultOf(text, 'k')
    t.strictSame([fault.error.kind, fault.reaction, fault.error.key], [kind, reaction, 'k'])
    t.match(fault.error.message, words)
    t.end()
  })
}

t.test('a full volume has the code by which the loader says how much is free', (t) => {
  t.equal(faultOf('write /a/1.object2: no space left on device', 'k').error.code, 'ENOSPC')
  t.end()
})

t.test('text of a server reaches no terminal as it is, and not at any length', (t) => {
  const { message } = faultOf(`X: \u001b[31m${'a'.repeat(5000)} status code: 500, request id: , host id:`, 'k').error
  t.notMatch(message, /\u001b/)
  t.ok(message.length < 700)
  t.end()
})

t.test('what a server says of a file is not taken for an error of the file system', (t) => {
  const text = 'Odd: k: no space left on device status code: 500, request id: , host id:'
  t.equal(faultOf(text, 'k').error.kind, 'unavailable')
  t.end()
})
