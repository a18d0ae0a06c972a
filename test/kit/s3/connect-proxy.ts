/** An HTTP proxy of a company: opens tunnels by CONNECT and nothing else. It alone knows the way to `target`, by whatever name. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'

export interface ConnectProxy {
  readonly url: string
  /** Whom it was asked for, as `host:port`, in order. */
  readonly asked: readonly string[]
  /** From now on it answers with that instead of a tunnel. */
  refuse(status: number): void
  stop(): Promise<void>
}

export async function startConnectProxy(targetPort: number, targetAddress = '127.0.0.1'): Promise<ConnectProxy> {
  const asked: string[] = []
  const sockets = new Set<Socket>()
  let refusal: number | undefined
  const server = createServer((_request, response) => {
    response.writeHead(405).end()
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
  })
  server.on('connect', ({ url = '' }, client: Socket) => {
    asked.push(url)
    client.on('error', () => undefined)
    if (refusal !== undefined) {
      client.end(`HTTP/1.1 ${refusal} Forbidden\r\ncontent-length: 0\r\n\r\n`)
      return
    }
    const upstream = connect(targetPort, targetAddress, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.pipe(client).pipe(upstream)
    })
    sockets.add(upstream)
    upstream.on('error', () => {
      client.destroy()
    })
    upstream.on('close', () => {
      client.destroy()
    })
    client.on('close', () => {
      upstream.destroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    refuse: (status) => {
      refusal = status
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
