/** A plain client of the webhook: connections and headers are the test's own choice. */
import { once } from 'node:events'
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { Agent, request, type RequestOptions } from 'node:https'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'

export interface HttpsAnswer {
  readonly statusCode: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** True if the connection had been used before. */
  readonly reused: boolean
}

export type HttpsTarget = Omit<RequestOptions, 'headers'> & {
  readonly port: number
  readonly headers?: Record<string, string>
}

export async function post(target: HttpsTarget, body: unknown): Promise<HttpsAnswer> {
  const content = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
  const sent = request({
    host: '127.0.0.1',
    method: 'POST',
    path: '/mutate?timeout=5s',
    ...target,
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content), ...target.headers },
  })
  sent.end(content)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return answerOf(response, sent.reusedSocket)
}

export async function get(port: number, path: string): Promise<HttpsAnswer> {
  const sent = httpRequest({ host: '127.0.0.1', port, path, agent: false }).end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return answerOf(response, false)
}

async function answerOf(response: IncomingMessage, reused: boolean): Promise<HttpsAnswer> {
  return { statusCode: response.statusCode ?? 0, headers: response.headers, body: await text(response), reused }
}

/** One connection, kept alive. */
export function keptAliveAgent(options: ConnectionOptions): Agent {
  return new Agent({ keepAlive: true, maxSockets: 1, ...options })
}

/** A handshake and nothing more. */
export async function connectTls(options: ConnectionOptions & { port: number }): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', ...options })
  await once(socket, 'secureConnect')
  return socket
}

/** Everything the server sends until it closes. */
export async function readSocket(socket: Socket): Promise<string> {
  let received = ''
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString()
  })
  socket.on('error', () => undefined)
  if (!socket.closed) await once(socket, 'close').catch(() => undefined)
  return received
}
