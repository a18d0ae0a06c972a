/** A server in front of S3 that has buckets at other places, over plain HTTP. Keeps the requests as they came. */
import { once } from 'node:events'
import { createServer, request as send, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

interface FrontRequest {
  readonly path: string
  readonly headers: IncomingHttpHeaders
}

export interface FrontServer {
  readonly endpoint: string
  /** Oldest first. */
  readonly requests: readonly FrontRequest[]
  stop(): Promise<void>
}

/** `placeOf` gives the path upstream; a request without one is answered by 400. */
export async function startFrontServer(
  upstream: string,
  placeOf: (path: string) => string | undefined,
): Promise<FrontServer> {
  const requests: FrontRequest[] = []
  const server = createServer((incoming, response) => {
    const { url = '', method, headers } = incoming
    requests.push({ path: url, headers })
    const path = placeOf(url)
    if (path === undefined) {
      response.writeHead(400).end()
      return
    }
    const { hostname, port } = new URL(upstream)
    const outgoing = send({ hostname, port, path, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.rawHeaders)
      answer.pipe(response)
    })
    outgoing.on('error', () => response.destroy())
    response.on('close', () => outgoing.destroy())
    outgoing.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    stop: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
