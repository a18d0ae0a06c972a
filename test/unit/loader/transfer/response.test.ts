import t from 'tap'
import { acceptAnswer, MalformedAnswer, parseHead } from '../../../../src/loader/transfer/http/response.ts'
import { faultOfAnswer } from '../../../../src/loader/transfer/http/s3-error.ts'

const wanted = { key: 'k', etag: '"e"', range: { first: 10, last: 19 } }

function head(status: string, ...lines: string[]) {
  return parseHead([`HTTP/1.1 ${status}`, ...lines].join('\r\n'))
}

function refusal(action: () => unknown): unknown {
  try {
    return action()
  } catch (error) {
    return error
  }
}

t.test('a head is read with its names in lower case', (t) => {
  const { status, bodyLength, headers, keepAlive } = head(
    '206 Partial Content',
    'Content-Length: 10',
    'ETag:"e"',
    'x-amz-id-2:  a b\t',
    'X: 1',
    'x: 2',
  )
  t.equal(status, 206)
  t.equal(bodyLength, 10)
  t.ok(keepAlive)
  t.equal(headers.get('etag'), '"e"')
  t.equal(headers.get('x-amz-id-2'), 'a b')
  t.equal(headers.get('x'), '1, 2')
  t.end()
})

t.test('a connection that the server will close is not kept', (t) => {
  t.notOk(head('200 OK', 'Connection: close').keepAlive)
  t.end()
})

for (const [problem, text] of [
  ['no status line', 'GET / HTTP/1.1'],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 1'],
  ['a status of four digits', 'HTTP/1.1 2000 OK'],
  ['an interim answer', 'HTTP/1.1 100 Continue'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2'],
  ['a signed length', 'HTTP/1.1 200 OK\r\nContent-Length: +1'],
  ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1, 1'],
  ['a folded header', 'HTTP/1.1 200 OK\r\nX: 1\r\n 2'],
  ['a space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 1'],
  ['a bare line feed', 'HTTP/1.1 200 OK\r\nX: 1\nContent-Length: 1'],
] as const) {
  t.test(`${problem} is refused`, (t) => {
    t.throws(() => parseHead(text), MalformedAnswer)
    t.end()
  })
}

t.test('a body that is framed in two ways has no length that counts', (t) => {
  t.equal(head('200 OK', 'Content-Length: 5', 'Transfer-Encoding: chunked').bodyLength, undefined)
  t.end()
})

t.test('the answer to a range is accepted when it is exactly that range', (t) => {
  t.ok(acceptAnswer(head('206 P', 'ETag: "e"', 'Content-Length: 10', 'Content-Range: bytes 10-19/100'), wanted, 100))
  t.end()
})

for (const [problem, kind, status, ...lines] of [
  ['the whole object', 'protocol', '200 OK', 'ETag: "e"', 'Content-Length: 100'],
  ['another range', 'protocol', '206 P', 'ETag: "e"', 'Content-Length: 10', 'Content-Range: bytes 0-9/100'],
  [
    'a range of a larger object',
    'protocol',
    '206 P',
    'ETag: "e"',
    'Content-Length: 10',
    'Content-Range: bytes 10-19/101',
  ],
  ['no Content-Range', 'protocol', '206 P', 'ETag: "e"', 'Content-Length: 10'],
  ['fewer bytes', 'protocol', '206 P', 'ETag: "e"', 'Content-Length: 9', 'Content-Range: bytes 10-19/100'],
  ['no ETag', 'protocol', '206 P', 'Content-Length: 10', 'Content-Range: bytes 10-19/100'],
  ['another ETag', 'changed', '206 P', 'ETag: "f"', 'Content-Length: 10', 'Content-Range: bytes 10-19/100'],
] as const) {
  t.test(`${problem} in place of a range is refused`, (t) => {
    t.match(
      refusal(() => acceptAnswer(head(status, ...lines), wanted, 100)),
      { kind, key: 'k' },
    )
    t.end()
  })
}

t.test('a whole object of another size is refused', (t) => {
  t.match(
    refusal(() =>
      acceptAnswer(head('200 OK', 'ETag: "e"', 'Content-Length: 99'), { ...wanted, range: undefined }, 100),
    ),
    { kind: 'protocol' },
  )
  t.end()
})

function xml(code: string, extra = '') {
  return `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>no &amp; no</Message>${extra}</Error>`
}

for (const [status, code, kind, remedy] of [
  [403, 'AccessDenied', 'denied', 'giveUp'],
  [403, 'SignatureDoesNotMatch', 'denied', 'giveUp'],
  [403, 'RequestTimeTooSkewed', 'skewed', 'giveUp'],
  [403, 'InvalidObjectState', 'archived', 'giveUp'],
  [404, 'NoSuchKey', 'notFound', 'giveUp'],
  [404, 'NoSuchBucket', 'noSuchBucket', 'giveUp'],
  [412, 'PreconditionFailed', 'changed', 'giveUp'],
  [416, 'InvalidRange', 'changed', 'giveUp'],
  [400, 'InvalidRequest', 'http', 'giveUp'],
  [301, 'PermanentRedirect', 'wrongRegion', 'giveUp'],
  [307, 'TemporaryRedirect', 'http', 'retry'],
  [400, 'ExpiredToken', 'denied', 'refresh'],
  [403, 'ExpiredToken', 'denied', 'refresh'],
  [400, 'RequestTimeout', 'http', 'retry'],
  [500, 'InternalError', 'http', 'retry'],
  [503, 'SlowDown', 'http', 'slow'],
  [429, 'TooManyRequests', 'http', 'slow'],
  [501, 'NotImplemented', 'http', 'giveUp'],
] as const) {
  t.test(`${status} ${code} is ${kind}, to be met with ${remedy}`, (t) => {
    t.match(faultOfAnswer(head(`${status} X`), xml(code), 'k', 'us-east-1'), {
      remedy,
      error: { kind, status, code, message: `k: ${status} ${code}: no & no` },
    })
    t.end()
  })
}

t.test('the right region is taken from the header or from the body', (t) => {
  t.match(faultOfAnswer(head('301 X', 'x-amz-bucket-region: eu-central-1'), '', 'k', 'us-east-1').error, {
    kind: 'wrongRegion',
    region: 'eu-central-1',
  })
  t.match(
    faultOfAnswer(head('400 X'), xml('AuthorizationHeaderMalformed', '<Region>eu-west-3</Region>'), 'k', 'us-east-1')
      .error,
    { kind: 'wrongRegion', region: 'eu-west-3' },
  )
  t.equal(faultOfAnswer(head('400 X'), xml('AuthorizationHeaderMalformed'), 'k', 'us-east-1').error.kind, 'denied')
  t.end()
})

t.test('a body that is no error of S3 gives no code, and control characters reach no message', (t) => {
  t.equal(faultOfAnswer(head('403 X'), '<html><Code>AccessDenied</Code></html>', 'k', 'r').error.code, undefined)
  t.notMatch(
    faultOfAnswer(head('500 X'), `<Error><Message>a\u001b[31mb</Message></Error>`, 'k', 'r').error.message,
    /\u001b/,
  )
  t.end()
})
