/** More objects than a file system takes in the time of a test: anonymous S3 whose listings and contents are computed. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { listingXml, type AnsweredObject } from './s3-answers.ts'

export interface SyntheticS3 {
  readonly endpoint: string
  /** In the order of the listing. */
  keyOf(index: number): string
  bodyOf(key: string): string
  /** May be called more than once. */
  stop(): Promise<void>
}

const PREFIX = 'synthetic/'
const PAGE = 1000

export async function startSyntheticS3(count: number): Promise<SyntheticS3> {
  const server = createServer((request, response) => {
    answer(request, response, count)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    keyOf,
    bodyOf,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

function keyOf(index: number): string {
  return `${PREFIX}layer-${String(Math.floor(index / PAGE)).padStart(4, '0')}/tensor-${String(index).padStart(7, '0')}.bin`
}

function bodyOf(key: string): string {
  return `the content of ${key}`
}

function etagOf(key: string): string {
  return `"${createHash('md5').update(bodyOf(key)).digest('hex')}"`
}

function answer(request: IncomingMessage, response: ServerResponse, count: number): void {
  const url = new URL(request.url ?? '/', 'http://synthetic')
  const [, bucket = '', ...rest] = decodeURIComponent(url.pathname).split('/')
  const key = rest.join('/')
  if (key === '') {
    response.writeHead(200, { 'content-type': 'application/xml' }).end(page(bucket, url.searchParams, count))
    return
  }
  const body = bodyOf(key)
  response.writeHead(200, { 'content-length': Buffer.byteLength(body), etag: etagOf(key), 'accept-ranges': 'bytes' })
  response.end(request.method === 'HEAD' ? undefined : body)
}

function page(bucket: string, query: URLSearchParams, count: number): string {
  const first = Number(query.get('continuation-token') ?? 0)
  const maxKeys = Math.min(PAGE, Number(query.get('max-keys') ?? PAGE))
  const end = Math.min(count, first + maxKeys)
  const lastModified = new Date('2026-01-01T00:00:00Z')
  const objects = Array.from({ length: end - first }, (_, i): AnsweredObject => {
    const key = keyOf(first + i)
    return { key, size: Buffer.byteLength(bodyOf(key)), etag: etagOf(key), lastModified, storageClass: 'STANDARD' }
  })
  const asked = {
    bucket,
    prefix: PREFIX,
    delimiter: undefined,
    maxKeys,
    continuationToken: undefined,
    startAfter: undefined,
    urlEncoded: query.get('encoding-type') === 'url',
  }
  return listingXml(asked, { objects, commonPrefixes: [], nextToken: end < count ? String(end) : undefined })
}
