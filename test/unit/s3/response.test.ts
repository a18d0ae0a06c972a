import t from 'tap'
import { problemOfAnswer } from '../../../src/s3/answer-problem.ts'
import { acceptAnswer } from '../../../src/s3/http/accept.ts'
import { MalformedAnswer, parseHead } from '../../../src/s3/http/response.ts'
import { meanings } from '../../../src/s3/meaning.ts'
import type { S3Problem } from '../../../src/s3/s3-error.ts'

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
  ['a transfer encoding of another kind', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked'],
  ['a body that is framed in two ways', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked'],
  ['a line feed in the status line', 'HTTP/1.1 200 OK\nContent-Length: 1'],
  ['a bare line feed', 'HTTP/1.1 200 OK\r\nX: 1\nContent-Length: 1'],
] as const) {
  t.test(`${problem} is refused`, (t) => {
    t.throws(() => parseHead(text), MalformedAnswer)
    t.end()
  })
}

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
      { problem: { kind } },
    )
    t.end()
  })
}

t.test('a whole object of another size is refused', (t) => {
  t.match(
    refusal(() =>
      acceptAnswer(head('200 OK', 'ETag: "e"', 'Content-Length: 99'), { ...wanted, range: undefined }, 100),
    ),
    { problem: { kind: 'otherLength', message: 'it has 100 bytes in the listing, and 99 arrive' } },
  )
  t.end()
})

function xml(code: string, extra = '') {
  return `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>no &amp; no</Message>${extra}</Error>`
}

function problemOf(status: string, text: string, ...lines: string[]): S3Problem {
  return problemOfAnswer({ head: head(status, ...lines), text }, 'us-east-1')
}

for (const [status, code, kind, reaction, exit] of [
  [403, 'AccessDenied', 'denied', 'giveUp', 'Denied'],
  [403, 'SignatureDoesNotMatch', 'denied', 'giveUp', 'Denied'],
  [403, 'InvalidAccessKeyId', 'denied', 'giveUp', 'Denied'],
  [403, 'SomethingNew', 'denied', 'giveUp', 'Denied'],
  [403, 'RequestTimeTooSkewed', 'skewed', 'giveUp', 'CannotList'],
  [403, 'InvalidObjectState', 'archived', 'giveUp', 'DownloadFailed'],
  [404, 'NoSuchKey', 'notFound', 'giveUp', 'DownloadFailed'],
  [404, 'NoSuchBucket', 'noSuchBucket', 'giveUp', 'CannotList'],
  [412, 'PreconditionFailed', 'changed', 'giveUp', 'DownloadFailed'],
  [416, 'InvalidRange', 'changed', 'giveUp', 'DownloadFailed'],
  [400, 'InvalidRequest', 'refused', 'giveUp', 'CannotList'],
  [301, 'PermanentRedirect', 'wrongRegion', 'giveUp', 'CannotList'],
  [307, 'TemporaryRedirect', 'unavailable', 'retry', 'DownloadFailed'],
  [400, 'ExpiredToken', 'expired', 'refresh', 'Denied'],
  [403, 'ExpiredToken', 'expired', 'refresh', 'Denied'],
  [400, 'InvalidToken', 'expired', 'refresh', 'Denied'],
  [400, 'KMS.DisabledException', 'kmsUnusable', 'giveUp', 'Denied'],
  [400, 'KMS.AccessDeniedException', 'kmsDenied', 'giveUp', 'Denied'],
  [400, 'RequestTimeout', 'unavailable', 'retry', 'DownloadFailed'],
  [500, 'InternalError', 'unavailable', 'retry', 'DownloadFailed'],
  [503, 'SlowDown', 'throttled', 'slow', 'DownloadFailed'],
  [429, 'TooManyRequests', 'throttled', 'slow', 'DownloadFailed'],
  [501, 'NotImplemented', 'refused', 'giveUp', 'CannotList'],
] as const) {
  t.test(`${status} ${code} is ${kind}: ${reaction}, then ${exit}`, (t) => {
    t.match(problemOf(`${status} X`, xml(code)), {
      kind,
      status,
      code,
      message: `${status} ${code}: no & no`,
      reason: 'no & no',
    })
    t.match(meanings[kind], { reaction, exit })
    t.end()
  })
}

t.test('the right region is taken from the header or from the body', (t) => {
  t.match(problemOf('301 X', '', 'x-amz-bucket-region: eu-central-1'), { kind: 'wrongRegion', region: 'eu-central-1' })
  t.match(problemOf('400 X', xml('AuthorizationHeaderMalformed', '<Region>eu-west-3</Region>')), {
    kind: 'wrongRegion',
    region: 'eu-west-3',
  })
  t.match(problemOf('307 X', xml('TemporaryRedirect'), 'x-amz-bucket-region: eu-west-3'), { kind: 'wrongRegion' })
  t.equal(problemOf('400 X', xml('AuthorizationHeaderMalformed')).kind, 'denied')
  t.equal(problemOf('301 X', '', 'x-amz-bucket-region: <script>').region, undefined)
  t.end()
})

t.test('a missing right to use the KMS key is not taken for one on the bucket', (t) => {
  const text = '<Error><Code>AccessDenied</Code><Message>not authorized to perform: kms:Decrypt on x</Message></Error>'
  t.equal(problemOf('403 X', text).kind, 'kmsDenied')
  t.match(meanings.kmsDenied.remedy, /kms:Decrypt/)
  t.end()
})

for (const [name, status, text, lines, kind, message] of [
  [
    'a redirect elsewhere',
    '308 X',
    '<html>moved</html>',
    ['location: https://s3.example.com/x'],
    'redirected',
    'the endpoint answers 308 to "https://s3.example.com/x"',
  ],
  [
    'a redirect elsewhere with an error of its own kind',
    '302 X',
    xml('Moved'),
    ['location: https://login.example.com/'],
    'redirected',
    'the endpoint answers 302 to "https://login.example.com/"',
  ],
  [
    'a web page',
    '404 X',
    '<!doctype html><h1>Not here',
    [],
    'notS3',
    'not S3: the endpoint answers 404 with a web page (HTML): "<!doctype html><h1>Not here"',
  ],
  ['JSON', '403 X', '{"error":1}', [], 'notS3', 'not S3: the endpoint answers 403 with JSON: "{\\"error\\":1}"'],
  ['a web page that may go', '502 X', '<html>bad gateway', [], 'unavailable', /^status 502 with a web page/],
  ['a refusal without words', '403 X', '', [], 'denied', 'status 403'],
] as const) {
  t.test(`${name} is ${kind}, and one line says what answered`, (t) => {
    t.match(problemOf(status, text, ...lines), { kind, message })
    t.end()
  })
}

t.test('what is no error of S3 gives no code, and no control character reaches a message', (t) => {
  t.equal(problemOf('403 X', '<html><Code>AccessDenied</Code></html>').code, '')
  t.equal(problemOf('403 X', '<Error><Code>Access Denied\u001b[2J</Code></Error>').code, '')
  const { message } = problemOf('500 X', '<Error><Code>E</Code><Message>a\u001b[31mb\r\nc\u202ed</Message></Error>')
  t.equal(message, '500 E: a\\u001b[31mb c\\u202ed')
  const named = '<Error><Code>E</Code><Message>&lt;a&#27;[2J&#x1b;[2J&#13;&#10;b&#9999999;</Message></Error>'
  t.equal(problemOf('500 X', named).message, '500 E: <a\\u001b[2J\\u001b[2J b\uFFFD')
  t.match(problemOf('302 X', '', 'location: https://x/\u0080').message, /^[\x20-\x7e]*$/)
  t.end()
})
