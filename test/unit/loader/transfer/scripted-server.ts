/** An S3 server of a few lines whose every answer a test can replace: by status, by byte, by silence. */
import { once } from 'node:events'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { Origin } from '../../../../src/s3/origin.ts'

export interface StoredObject {
  readonly body: Buffer
  readonly etag: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface Incident {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly key: string
  /** How many requests came before this one. */
  readonly number: number
  /** Answers as S3 would. */
  readonly answer: () => void
}

export interface ScriptedServer {
  readonly origin: Origin
  readonly requests: IncomingMessage[]
  readonly sockets: Set<Socket>
  close(): Promise<void>
}

export interface ServerCertificates {
  readonly cert: string
  readonly key: string
  readonly ca: string
}

type Script = (incident: Incident) => void

/** Objects by key; without a script every answer is S3's. */
export async function startScriptedServer(
  objects: ReadonlyMap<string, StoredObject>,
  script: Script = ({ answer }) => {
    answer()
  },
  certificates?: ServerCertificates,
): Promise<ScriptedServer> {
  const requests: IncomingMessage[] = []
  const sockets = new Set<Socket>()
  const listener: RequestListener = (request, response) => {
    const number = requests.push(request) - 1
    const key = decodeURIComponent((request.url ?? '').replace(/^\/bucket\//, ''))
    script({
      request,
      response,
      key,
      number,
      answer: () => {
        answer(objects.get(key), request, response)
      },
    })
  }
  const server: Server =
    certificates === undefined ? createHttpServer(listener) : createHttpsServer(certificates, listener)
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const protocol = certificates === undefined ? 'http:' : 'https:'
  return {
    origin: { protocol, host: '127.0.0.1', port, pathPrefix: '/bucket', ...(certificates && { ca: certificates.ca }) },
    requests,
    sockets,
    close: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

export function answerError(
  response: ServerResponse,
  status: number,
  code: string,
  { extra = '', headers = {} } = {},
): void {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>the server said so</Message>${extra}</Error>`
  response
    .writeHead(status, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(body), ...headers })
    .end(body)
}

export interface Success {
  readonly status: number
  readonly headers: Record<string, string | number>
  readonly body: Buffer
}

/** The answer of S3. */
export function success({ body, etag, headers }: StoredObject, request: IncomingMessage): Success {
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
  if (range === null) return { status: 200, headers: { etag, 'content-length': body.length, ...headers }, body }
  const [first, last] = [Number(range[1]), Math.min(Number(range[2]), body.length - 1)]
  return {
    status: 206,
    headers: { etag, 'content-length': last - first + 1, 'content-range': `bytes ${first}-${last}/${body.length}` },
    body: body.subarray(first, last + 1),
  }
}

function answer(object: StoredObject | undefined, request: IncomingMessage, response: ServerResponse): void {
  if (object === undefined) {
    answerError(response, 404, 'NoSuchKey')
    return
  }
  if (request.headers['if-match'] !== object.etag) {
    answerError(response, 412, 'PreconditionFailed')
    return
  }
  const { status, headers, body } = success(object, request)
  response.writeHead(status, headers).end(body)
}
