/** Opens and closes ports. */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { AppError } from '../errors.ts'

export type App = FastifyInstance | FastifyInstance<HttpsServer>

/** Connections of one burst that the kernel holds until they are accepted, by default 511; a node may allow fewer. */
const backlog = 4096

/**
 * Without an address, listens on all of IPv6 and IPv4, or on IPv4 alone on a node without IPv6. Returns the port, which the
 * system chooses for 0.
 */
export async function listen(app: App, port: number, address: string | undefined): Promise<number> {
  await app.ready()
  app.server.listen({ port, backlog, ...(address === undefined ? {} : { host: address }) })
  try {
    await once(app.server, 'listening')
  } catch (error) {
    throw new AppError('ListenFailed', `cannot listen on ${addressText(address, port)}: ${listenProblem(error)}`, {
      cause: error,
    })
  }
  return (app.server.address() as AddressInfo).port
}

export interface Connections {
  /** Closes connections without a request in progress. */
  readonly closeUnused: () => void
  readonly closeAll: () => void
}

/**
 * Node's own lists are insufficient: a connection in its handshake is on none, and one that never had a request counts as
 * busy. Clients open such connections ahead of need.
 */
export function trackConnections({ server }: App): Connections {
  const sockets = new Map<string, Socket>()
  const requests = new Map<string, number>()
  const count = (key: string, change: number): void => {
    if (sockets.has(key)) requests.set(key, (requests.get(key) ?? 0) + change)
  }
  server.on('connection', (socket: Socket) => {
    const key = peerOf(socket)
    sockets.set(key, socket)
    socket.once('close', () => {
      sockets.delete(key)
      requests.delete(key)
    })
  })
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const key = peerOf(socket)
    count(key, 1)
    response.once('close', () => {
      count(key, -1)
    })
  })
  return {
    closeUnused: () => {
      sockets.forEach((socket, key) => {
        if ((requests.get(key) ?? 0) === 0) socket.destroy()
      })
    },
    closeAll: () => {
      sockets.forEach((socket) => socket.destroy())
    },
  }
}

/** The same key for a TLS socket and its underlying socket. */
export function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

/** Time for a request whose headers are just arriving. */
const graceMs = 500

/**
 * Stops accepting connections, closes unused ones, lets requests in flight finish until the deadline, then closes the rest.
 */
export async function closeWithin(app: App, connections: Connections, deadlineMs: number): Promise<void> {
  const grace = setTimeout(connections.closeUnused, Math.min(graceMs, deadlineMs))
  const deadline = setTimeout(connections.closeAll, deadlineMs)
  await app.close()
  clearTimeout(grace)
  clearTimeout(deadline)
}

function addressText(address: string | undefined, port: number): string {
  if (address === undefined) return `port ${port}`
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

const listenProblems: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something else listens there already',
  EACCES: 'ports below 1024 need more privileges',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'there is no such host',
}

function listenProblem(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException
  return listenProblems[code] ?? message
}
