/**
 * The cheapest S3 there can be over HTTPS: lists, answers ranges, and sends the same 16 MiB over and over out of memory, so
 * that a benchmark of clients measures clients. It speaks just the HTTP/1.1 that they speak (a head, never a body), because
 * Node's own server took 1.5 times the CPU for 10,000 answers of 100 KiB (3.5 s, not 2.5 s). Checks no signature. Prints its
 * port when it listens, and then the time (ms since 1970) of the first GET of an object after the first page of each listing.
 *
 * node loader-server.ts CERTIFICATE-DIRECTORY COUNT*BYTES:PREFIX [FIRST-BYTE-MS [BYTES-PER-SECOND-OF-A-CONNECTION [crc64nvme]]]
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createServer, type TLSSocket } from 'node:tls'
import { loadCrc } from '../src/loader/transfer/crc.ts'

interface Request {
  readonly method: string
  readonly url: URL
  readonly range: string | undefined
}

const pageSize = 1000
const pattern = randomBytes(16 * 1024 * 1024)
const pieceBytes = 1024 * 1024
const slowPieceBytes = 128 * 1024
const etag = '"0123456789abcdef0123456789abcdef"'
const lastModified = new Date(Date.now() - 86_400_000)
const commonHead = `etag: ${etag}\r\nlast-modified: ${lastModified.toUTCString()}\r\naccept-ranges: bytes\r\n`
const [directory = '.', specification = '', firstByteMs = '0', bytesPerSecond = '0', checksum] = process.argv.slice(2)
const objects = new Map(objectsOf(specification))
const keys = [...objects.keys()].sort()
const headOfChecksum = checksum === undefined ? '' : await crcHead()
let justListed = false

const server = createServer(
  {
    cert: readFileSync(join(directory, 'tls.crt')),
    key: readFileSync(join(directory, 'tls.key')),
    // As clients on such processors prefer it; OpenSSL's own order takes AES-256, which costs all of them more.
    ciphers: 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256',
    noDelay: true,
  },
  (socket) => {
    let head = ''
    socket.setEncoding('latin1')
    socket.on('error', () => socket.destroy())
    socket.on('data', (text: string) => {
      head += text
      const end = head.indexOf('\r\n\r\n')
      if (end === -1) return
      const request = parse(head.slice(0, end))
      head = head.slice(end + 4)
      if (Number(firstByteMs) === 0) answer(request, socket)
      else setTimeout(answer, Number(firstByteMs), request, socket)
    })
  },
)
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
})

function objectsOf(text: string): [string, number][] {
  const [, count, bytes, prefix] = /^(\d+)\*(\d+):(.*)$/.exec(text) ?? []
  return Array.from({ length: Number(count) }, (_, i) => [
    `${prefix ?? ''}${String(i).padStart(6, '0')}.bin`,
    Number(bytes),
  ])
}

/** All objects have the same bytes. */
async function crcHead(): Promise<string> {
  const crc = (await loadCrc('crc64nvme'))()
  const [bytes = 0] = objects.values()
  for (let at = 0; at < bytes; at += pattern.length) crc.update(pattern.subarray(0, bytes - at))
  return `x-amz-checksum-crc64nvme: ${crc.value()}\r\nx-amz-checksum-type: FULL_OBJECT\r\n`
}

function parse(head: string): Request {
  const [method = '', target = '/'] = head.slice(0, head.indexOf('\r\n')).split(' ')
  return { method, url: new URL(target, 'https://server'), range: /\r\nrange: ?([^\r]*)/i.exec(head)?.[1] }
}

function answer(request: Request, socket: TLSSocket): void {
  const { searchParams, pathname } = request.url
  if (searchParams.has('list-type')) list(searchParams, socket)
  else if (searchParams.has('location')) xml(socket, '200 OK', '<LocationConstraint/>')
  else get(decodeURIComponent(pathname.split('/').slice(2).join('/')), request, socket)
}

function list(parameters: URLSearchParams, socket: TLSSocket): void {
  if (!parameters.has('continuation-token')) justListed = true
  const prefix = parameters.get('prefix') ?? ''
  const found = keys.filter((key) => key.startsWith(prefix))
  const start = Number(parameters.get('continuation-token') ?? 0)
  const next = start + pageSize
  const contents = found
    .slice(start, next)
    .map(
      (key) =>
        `<Contents><Key>${key}</Key><LastModified>${lastModified.toISOString()}</LastModified>` +
        `<ETag>&quot;${etag.slice(1, -1)}&quot;</ETag><Size>${objects.get(key) ?? 0}</Size><StorageClass>STANDARD</StorageClass></Contents>`,
    )
  const more = next < found.length
  xml(
    socket,
    '200 OK',
    `<ListBucketResult><IsTruncated>${String(more)}</IsTruncated>${more ? `<NextContinuationToken>${next}</NextContinuationToken>` : ''}${contents.join('')}</ListBucketResult>`,
  )
}

function xml(socket: TLSSocket, status: string, body: string): void {
  const text = `<?xml version="1.0" encoding="UTF-8"?>${body}`
  socket.write(
    `HTTP/1.1 ${status}\r\ncontent-type: application/xml\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
    'latin1',
  )
}

function get(key: string, { method, range }: Request, socket: TLSSocket): void {
  if (method === 'GET') reportFirstByte()
  const size = objects.get(key)
  if (size === undefined) {
    xml(socket, '404 Not Found', '<Error><Code>NoSuchKey</Code></Error>')
    return
  }
  const { first, last, partial } = rangeOf(range, size)
  socket.cork()
  socket.write(
    `HTTP/1.1 ${partial ? '206 Partial Content' : '200 OK'}\r\ncontent-length: ${last - first + 1}\r\n${commonHead}` +
      `${partial ? '' : headOfChecksum}${partial ? `content-range: bytes ${first}-${last}/${size}\r\n` : ''}\r\n`,
    'latin1',
  )
  if (method === 'GET') (Number(bytesPerSecond) > 0 ? sendSlowly : send)(socket, first, last + 1)
  socket.uncork()
}

/** Ends the start-up, which begins at the listing; the transfer follows. */
function reportFirstByte(): void {
  if (!justListed) return
  justListed = false
  process.stdout.write(`${Date.now()}\n`)
}

function rangeOf(
  header: string | undefined,
  size: number,
): { readonly first: number; readonly last: number; readonly partial: boolean } {
  const range = /^bytes=(\d+)-(\d+)$/.exec(header ?? '')
  if (range === null) return { first: 0, last: size - 1, partial: false }
  return { first: Number(range[1]), last: Math.min(Number(range[2]), size - 1), partial: true }
}

function send(socket: TLSSocket, from: number, end: number): void {
  let at = from
  while (at < end) {
    const start = at % pattern.length
    const piece = pattern.subarray(start, Math.min(start + Math.min(pieceBytes, end - at), pattern.length))
    at += piece.length
    if (!socket.write(piece) && at < end) {
      socket.once('drain', () => {
        send(socket, at, end)
      })
      return
    }
  }
}

/** A piece at a time, so that a connection never has more bytes in a second than it may. */
function sendSlowly(socket: TLSSocket, from: number, end: number): void {
  const start = from % pattern.length
  const piece = pattern.subarray(start, Math.min(start + slowPieceBytes, start + end - from, pattern.length))
  socket.write(piece)
  if (from + piece.length === end) return
  setTimeout(sendSlowly, (piece.length / Number(bytesPerSecond)) * 1000, socket, from + piece.length, end)
}
