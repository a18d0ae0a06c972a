/** The same exchange with Node's HTTP client: through a proxy, and for responses without a Content-Length. */
import type { IncomingMessage, RequestOptions } from 'node:http'
import { request as requestHttps, type Agent } from 'node:https'
import { request as requestHttp } from '../../../network/node-http.ts'
import { agentThrough } from '../../../network/proxy-agent.ts'
import type { GetResult, ResponseSink } from './response-reader.ts'
import type { Origin } from '../part-job.ts'
import type { GetRequest } from './request.ts'
import { headOf, MalformedAnswer, type Head } from './response.ts'

const errorBodyBytes = 64 * 1024

export interface LibraryGetOptions {
  readonly origin: Origin
  readonly idleLimitMs: number
  readonly signal: AbortSignal
  /** Length of the body; a longer or shorter one is refused. */
  readonly length: number
}

export async function getByLibrary(
  { path, headers }: GetRequest,
  sink: ResponseSink,
  options: LibraryGetOptions,
): Promise<GetResult> {
  const { origin, idleLimitMs, signal } = options
  const { protocol, host, port, ca } = origin
  const agent = origin.proxy === undefined ? false : agentOf(origin.proxy)
  const response = await send(protocol, {
    host,
    port,
    path,
    headers,
    signal,
    agent,
    timeout: idleLimitMs,
    ...(ca !== undefined && { ca }),
  })
  const head = toHead(response)
  try {
    if (!sink.accept(head)) return { head, accepted: false, text: await readText(response) }
    await readBody(response, sink, options.length)
    return { head, accepted: true, text: '' }
  } finally {
    // A connection through a proxy costs three round trips, so it is kept where the answer was read to its end.
    if (!response.complete) response.destroy()
  }
}

const agents = new Map<string, Agent>()

function agentOf(proxy: string): Agent {
  const agent = agents.get(proxy) ?? agentThrough(proxy)
  agents.set(proxy, agent)
  return agent
}

function send(protocol: Origin['protocol'], options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = (protocol === 'http:' ? requestHttp : requestHttps)(options, resolve)
    outgoing.on('timeout', () => {
      outgoing.destroy(new Error('no byte for a long time'))
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

function toHead(response: IncomingMessage): Head {
  const headers = Object.entries(response.headersDistinct).map(([name, values]): [string, string] => [
    name,
    (values ?? []).join(', '),
  ])
  return headOf(response.statusCode ?? 0, new Map(headers))
}

async function readBody(response: IncomingMessage, sink: ResponseSink, length: number): Promise<void> {
  let received = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    received += chunk.length
    if (received > length) throw new MalformedAnswer('the answer is longer than it should be')
    sink.write(chunk)
  }
  if (received < length) throw new Error('the connection was closed early')
}

async function readText(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response as AsyncIterable<Buffer>) {
    text += chunk.toString('latin1')
    if (text.length > errorBodyBytes) break
  }
  return text
}
