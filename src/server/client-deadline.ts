/** The moment until which the client of a request waits: API servers say how long, as `?timeout=10s`. */
import type { FastifyRequest } from 'fastify'
import type { Clock } from './clock.ts'
import type { ConnectionRoom } from './connection-room.ts'

export interface ClientDeadlines {
  /** Called when the head of the request is there. */
  readonly begin: (request: FastifyRequest) => void
  /** True if the client has given up: an answer would take the time from those that still wait. */
  readonly isOver: (request: FastifyRequest) => boolean
}

export function createClientDeadlines(room: Pick<ConnectionRoom, 'waitsSinceMs'>, clock: Clock): ClientDeadlines {
  const ends = new WeakMap<FastifyRequest, number>()
  return {
    begin: (request) => {
      const timeoutMs = timeoutOf(request)
      if (timeoutMs !== undefined) ends.set(request, room.waitsSinceMs(request.raw) + timeoutMs)
    },
    isOver: (request) => clock.monotonicMs() >= (ends.get(request) ?? Infinity),
  }
}

function timeoutOf({ query }: FastifyRequest): number | undefined {
  const { timeout } = query as { readonly timeout?: unknown }
  const seconds = typeof timeout === 'string' ? /^(\d{1,3})s$/.exec(timeout)?.[1] : undefined
  return seconds === undefined ? undefined : Number(seconds) * 1000
}
