/** Bounds what all clients together can make the server hold of their bodies. */
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Limits } from './limits.ts'

export interface BodyBudget {
  /** Books the body of a request until the request is over; false if there is no room for it. */
  readonly book: (request: FastifyRequest, reply: FastifyReply) => boolean
}

export function createBodyBudget({ bodyBytes, inFlightBodyBytes }: Limits): BodyBudget {
  let bookedBytes = 0
  return {
    book: (request, reply) => {
      const bytes = announcedBytes(request.headers, bodyBytes)
      if (bookedBytes + bytes > inFlightBodyBytes) return false
      bookedBytes += bytes
      // Comes once for every response: sent, cut off, or still waiting behind another on its connection.
      reply.raw.once('close', () => {
        bookedBytes -= bytes
      })
      return true
    },
  }
}

/** A body of unknown length may become as large as one can be; one that is too large is refused before it is read. */
function announcedBytes(headers: IncomingHttpHeaders, bodyBytes: number): number {
  if (headers['transfer-encoding'] !== undefined) return bodyBytes
  const bytes = Number(headers['content-length'] ?? 0)
  return bytes > bodyBytes ? 0 : bytes
}
