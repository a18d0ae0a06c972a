/** The S3 server of the demo: a few objects in memory, listed and read as S3 does it, for one access key. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface DemoKeys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
}

export interface Bucket {
  readonly name: string
  /** None of the keys has a character that XML escapes. */
  readonly objects: ReadonlyMap<string, Buffer>
}

export interface DemoS3 {
  readonly endpoint: string
  stop(): Promise<void>
}

export async function startS3(bucket: Bucket, keys: DemoKeys): Promise<DemoS3> {
  const server = createServer((request, response) => {
    if (isSignedBy(request, keys)) answer(request, response, bucket)
    else refuse(response, 403, 'AccessDenied')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** Looks at whose keys they are. The signature itself is for servers that others can reach. */
function isSignedBy({ headers }: IncomingMessage, { accessKeyId, sessionToken }: DemoKeys): boolean {
  const isByKey = headers.authorization?.startsWith(`AWS4-HMAC-SHA256 Credential=${accessKeyId}/`) === true
  return isByKey && headers['x-amz-security-token'] === sessionToken
}

function answer(request: IncomingMessage, response: ServerResponse, { name, objects }: Bucket): void {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://s3')
  const [, bucket, ...rest] = decodeURIComponent(pathname).split('/')
  const key = rest.join('/')
  if (bucket !== name) {
    refuse(response, 404, 'NoSuchBucket')
  } else if (key === '') {
    const listed = [...objects].filter(([key]) => key.startsWith(searchParams.get('prefix') ?? ''))
    response.writeHead(200, { 'content-type': 'application/xml' }).end(listing(name, listed))
  } else {
    send(request, response, objects.get(key))
  }
}

function listing(bucket: string, objects: readonly (readonly [key: string, body: Buffer])[]): string {
  const contents = objects.map(
    ([key, body]) =>
      `<Contents><Key>${key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>${etagOf(body)}</ETag><Size>${body.length}</Size></Contents>`,
  )
  return `${declaration}<ListBucketResult><Name>${bucket}</Name><KeyCount>${contents.length}</KeyCount><IsTruncated>false</IsTruncated>${contents.join('')}</ListBucketResult>`
}

/** A range is answered with its part; the loader asks for `bytes=FIRST-LAST` only. */
function send({ method, headers }: IncomingMessage, response: ServerResponse, body: Buffer | undefined): void {
  if (body === undefined) {
    refuse(response, 404, 'NoSuchKey')
    return
  }
  const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '')
  const first = Number(range?.[1] ?? 0)
  const last = Math.min(Number(range?.[2] ?? Infinity), body.length - 1)
  const part = body.subarray(first, last + 1)
  response.writeHead(range === null ? 200 : 206, {
    'content-length': part.length,
    etag: etagOf(body),
    'accept-ranges': 'bytes',
    ...(range !== null && { 'content-range': `bytes ${first}-${last}/${body.length}` }),
  })
  response.end(method === 'HEAD' ? undefined : part)
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response
    .writeHead(status, { 'content-type': 'application/xml' })
    .end(`${declaration}<Error><Code>${code}</Code><Message>${code}</Message></Error>`)
}

const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'

function etagOf(body: Buffer): string {
  return `"${createHash('md5').update(body).digest('hex')}"`
}
