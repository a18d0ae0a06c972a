/** Limits the total size of request bodies in memory. */
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Limits } from './limits.ts'

export interface BodyBudget {
  /** Reserves room for a request's body until the request is over; false if there is none. */
  readonly book: (request: FastifyRequest, reply: FastifyReply) => boolean
}

export function createBodyBudget({ bodyBytes, inFlightBodyBytes }: Limits): BodyBudget {
  let bookedBytes = 0
  return {
    book: (request, reply) => {
      const bytes = announcedBytes(request.headers, bodyBytes)
      if (bookedBytes + bytes > inFlightBodyBytes) return false
      bookedBytes += bytes
      // Fires once for every response: sent, aborted, or still queued on its connection.
      reply.raw.once('close', () => {
        bookedBytes -= bytes
      })
      return true
    },
  }
}

/** A body of unknown length counts with the maximum size; a larger one is refused before it is read. */
function announcedBytes(headers: IncomingHttpHeaders, bodyBytes: number): number {
  if (headers['transfer-encoding'] !== undefined) return bodyBytes
  const bytes = Number(headers['content-length'] ?? 0)
  return bytes > bodyBytes ? 0 : bytes
}
