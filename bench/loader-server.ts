/**
 * The cheapest S3 there can be over HTTPS: lists, answers ranges, and sends the same 16 MiB over and over out of memory, so
 * that a benchmark of clients measures clients. Checks no signature. Prints its port when it listens, and then the time (ms
 * since 1970) of the first GET of an object after each listing.
 *
 * node loader-server.ts CERTIFICATE-DIRECTORY COUNT*BYTES:PREFIX...
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

const pageSize = 1000
const pattern = randomBytes(16 * 1024 * 1024)
const pieceBytes = 1024 * 1024
const etag = '"0123456789abcdef0123456789abcdef"'
const lastModified = new Date(Date.now() - 86_400_000)
const [directory = '.', ...specifications] = process.argv.slice(2)
const objects = new Map(specifications.flatMap(objectsOf))
const keys = [...objects.keys()].sort()
let justListed = false

const server = createServer({ cert: readFileSync(join(directory, 'tls.crt')), key: readFileSync(join(directory, 'tls.key')) }, (request, response) => {
  const url = new URL(request.url ?? '/', 'https://server')
  const key = decodeURIComponent(url.pathname.split('/').slice(2).join('/'))
  if (url.searchParams.has('list-type')) list(url.searchParams, response)
  else if (url.searchParams.has('location')) xml(response, '<LocationConstraint/>')
  else get(key, request, response)
})
server.keepAliveTimeout = 95_000
server.listen(0, '127.0.0.1', () => { process.stdout.write(`${(server.address() as AddressInfo).port}\n`) })

function objectsOf(specification: string): [string, number][] {
  const [, count, bytes, prefix] = /^(\d+)\*(\d+):(.*)$/.exec(specification) ?? []
  return Array.from({ length: Number(count) }, (_, i) => [`${prefix ?? ''}${String(i).padStart(6, '0')}.bin`, Number(bytes)])
}

function list(parameters: URLSearchParams, response: ServerResponse): void {
  justListed = true
  const prefix = parameters.get('prefix') ?? ''
  const found = keys.filter((key) => key.startsWith(prefix))
  const start = Number(parameters.get('continuation-token') ?? 0)
  const next = start + pageSize
  const contents = found.slice(start, next).map((key) => `<Contents><Key>${key}</Key><LastModified>${lastModified.toISOString()}</LastModified>` +
    `<ETag>&quot;${etag.slice(1, -1)}&quot;</ETag><Size>${objects.get(key) ?? 0}</Size><StorageClass>STANDARD</StorageClass></Contents>`)
  const more = next < found.length
  xml(response, `<ListBucketResult><IsTruncated>${String(more)}</IsTruncated>${more ? `<NextContinuationToken>${next}</NextContinuationToken>` : ''}${contents.join('')}</ListBucketResult>`)
}

function xml(response: ServerResponse, body: string): void {
  response.setHeader('content-type', 'application/xml')
  response.end(`<?xml version="1.0" encoding="UTF-8"?>${body}`)
}

function get(key: string, request: IncomingMessage, response: ServerResponse): void {
  if (request.method === 'GET') reportFirstByte()
  const size = objects.get(key)
  if (size === undefined) {
    response.writeHead(404, { 'content-type': 'application/xml' }).end('<Error><Code>NoSuchKey</Code></Error>')
    return
  }
  const { first, last, status } = rangeOf(request.headers.range, size)
  response.writeHead(status, {
    'content-length': last - first + 1, etag, 'last-modified': lastModified.toUTCString(), 'accept-ranges': 'bytes',
    ...(status === 206 && { 'content-range': `bytes ${first}-${last}/${size}` }),
  })
  if (request.method === 'HEAD') response.end()
  else send(response, first, last + 1)
}

/** Between the listing and this is the start-up; behind it is the transfer. */
function reportFirstByte(): void {
  if (!justListed) return
  justListed = false
  process.stdout.write(`${Date.now()}\n`)
}

function rangeOf(header: string | undefined, size: number): { readonly first: number; readonly last: number; readonly status: 200 | 206 } {
  const range = /^bytes=(\d+)-(\d+)$/.exec(header ?? '')
  if (range === null) return { first: 0, last: size - 1, status: 200 }
  return { first: Number(range[1]), last: Math.min(Number(range[2]), size - 1), status: 206 }
}

function send(response: ServerResponse, from: number, end: number): void {
  let at = from
  while (at < end) {
    const start = at % pattern.length
    const piece = pattern.subarray(start, Math.min(start + Math.min(pieceBytes, end - at), pattern.length))
    at += piece.length
    if (at >= end) response.end(piece)
    else if (!response.write(piece)) {
      response.once('drain', () => { send(response, at, end) })
      return
    }
  }
}
