/** Sends JSON requests to the API server, over one connection pool. */
import { Agent as HTTPAgent, type IncomingMessage, request as requestHTTP } from 'node:http'
import { Agent as HTTPSAgent, request as requestHTTPS, type RequestOptions } from 'node:https'
import { json, text } from 'node:stream/consumers'
import type { KubeConfig } from '@kubernetes/client-node'
import { version } from '../version.ts'
import { unreachable } from './cluster-error.ts'

export interface ApiResponse {
  readonly status: number
  /** Parsed JSON, else text. */
  readonly body: unknown
  readonly warnings: readonly string[]
}

export interface Call {
  /** Description for errors: `list pods`. */
  readonly tried: string
  readonly method: 'GET' | 'POST'
  /** Path and query. */
  readonly path: string
  readonly body?: unknown
  /** A form of JSON (default: that of the object). */
  readonly accept?: string
}

export interface Transport {
  /** Throws a ClusterError without an answer; every status counts as an answer. */
  readonly send: (call: Call) => Promise<ApiResponse>
  readonly close: () => void
}

/** A page of large pods through a slow tunnel takes seconds; an API server gives up after 60. */
const timeoutMs = 70_000

/**
 * The library's generated clients make a pool, and so a new connection, for every call, and rebuild every object from the
 * fields they know. Only its credentials and server address are used.
 */
export function transportOf(kubeConfig: KubeConfig): Transport {
  const server = kubeConfig.getCurrentCluster()?.server ?? ''
  const isProxied = kubeConfig.getCurrentCluster()?.proxyUrl !== undefined
  const agent = server.startsWith('http:') ? new HTTPAgent({ keepAlive: true }) : new HTTPSAgent({ keepAlive: true })

  async function send({ tried, method, path, body, accept }: Call): Promise<ApiResponse> {
    try {
      const options: RequestOptions = {}
      // Applied to each request, because tokens expire; the library caches them until then.
      await kubeConfig.applyToHTTPSOptions(options)
      const payload = body === undefined ? undefined : JSON.stringify(body)
      const headers = { ...(options.headers as Record<string, string> | undefined), ...headersFor(payload, accept) }
      return await exchange(
        new URL(server + path),
        { ...options, method, headers, agent: isProxied ? options.agent : agent },
        payload,
      )
    } catch (error) {
      throw unreachable(tried, server, error)
    }
  }

  return {
    send,
    close: () => {
      agent.destroy()
    },
  }
}

function headersFor(payload: string | undefined, accept = 'application/json'): Record<string, string> {
  const headers = { accept, 'user-agent': `model-injector/${version}` }
  return payload === undefined ? headers : { ...headers, 'content-type': 'application/json' }
}

async function exchange(url: URL, options: RequestOptions, payload: string | undefined): Promise<ApiResponse> {
  const response = await respond(url, options, payload)
  const isJSON = response.headers['content-type']?.startsWith('application/json') === true
  const body: unknown = await (isJSON ? json(response) : text(response))
  return { status: response.statusCode ?? 0, body, warnings: readWarnings(response.rawHeaders) }
}

/**
 * The server may close an idle connection at the moment it is used again, since judging a page of pods takes time.
 * Read-only requests are retried: on another pooled connection, and finally on a new one.
 */
function respond(url: URL, options: RequestOptions, payload: string | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'http:' ? requestHTTP : requestHTTPS
    const sent = request(url, { ...options, signal: AbortSignal.timeout(timeoutMs) }, resolve)
    sent.once('error', (error: NodeJS.ErrnoException) => {
      const wasClosed = sent.reusedSocket && error.code === 'ECONNRESET' && options.method === 'GET'
      if (wasClosed) resolve(respond(url, options, payload))
      else reject(error)
    })
    sent.end(payload)
  })
}

/** `Warning: 299 - "text"` (RFC 7234 §5.5); Node joins headers with commas, which also occur in texts. */
function readWarnings(rawHeaders: readonly string[]): readonly string[] {
  return rawHeaders.flatMap((value, i) => {
    if (i % 2 === 0 || rawHeaders[i - 1]?.toLowerCase() !== 'warning') return []
    const quoted = /^299 \S+ "((?:[^"\\]|\\.)*)"/.exec(value)?.[1]
    return quoted === undefined ? [value] : [quoted.replace(/\\(.)/g, '$1')]
  })
}
