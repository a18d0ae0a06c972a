/** An API server that answers as the test says, for what a real one does only after minutes or on a bad day. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

export interface FakeRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly body: unknown
}

export interface FakeAnswer {
  readonly status?: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
}

export interface FakeAPIServer {
  readonly url: string
  readonly requests: readonly FakeRequest[]
  readonly connections: () => number
  close(): Promise<void>
}

/** Without an answer, the connection is closed. */
export async function startFakeAPIServer(
  answer: (request: FakeRequest) => FakeAnswer | undefined,
): Promise<FakeAPIServer> {
  const requests: FakeRequest[] = []
  let connections = 0
  const server = createServer((request, response) => {
    void respond(request, response)
  })
  server.on('connection', () => {
    connections++
  })

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://fake')
    const seen = {
      method: request.method ?? '',
      path: pathname,
      query: searchParams,
      body: request.method === 'POST' ? await json(request) : undefined,
    }
    requests.push(seen)
    const answered = answer(seen)
    if (answered === undefined) {
      request.socket.destroy()
      return
    }
    const { status = 200, body, headers = {} } = answered
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    const isText = typeof body === 'string'
    response
      .writeHead(status, { 'content-type': isText ? 'text/html' : 'application/json' })
      .end(isText ? body : JSON.stringify(body))
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    connections: () => connections,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A kubeconfig with one context; gives its path. */
export async function writeKubeconfig(
  file: string,
  server: string,
  {
    context = 'fake',
    cluster = `${context}-cluster`,
    namespace = '',
  }: { context?: string; cluster?: string; namespace?: string } = {},
): Promise<string> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(
    file,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': context,
      clusters: [{ name: cluster, cluster: { server } }],
      users: [{ name: `${context}-user`, user: { token: 'secret-token' } }],
      contexts: [
        { name: context, context: { cluster, user: `${context}-user`, ...(namespace === '' ? {} : { namespace }) } },
      ],
    }),
  )
  return file
}
