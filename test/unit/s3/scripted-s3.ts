/** A server whose answers a test writes byte by byte, and a client of it. */
import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { s3Client, type S3Options } from '../../../src/s3/client.ts'
import { locateBucket, type LocationSettings } from '../../../src/s3/location.ts'
import type { S3 } from '../../../src/s3/s3.ts'

interface Scripted {
  readonly endpoint: string
  readonly port: number
  readonly requests: IncomingMessage[]
}

export type Script = (response: ServerResponse, request: IncomingMessage, number: number) => void

/** `script` gets the number of the request, from 0. With `certificate`, the server speaks TLS. */
export async function serve(
  t: Test,
  script: Script,
  certificate?: { readonly cert: string; readonly key: string },
): Promise<Scripted> {
  const requests: IncomingMessage[] = []
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    script(response, request, requests.push(request) - 1)
  }
  const server = certificate === undefined ? createHttpServer(listener) : createHttpsServer(certificate, listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { endpoint: `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}`, port, requests }
}

interface ClientSettings extends Partial<S3Options>, Partial<LocationSettings> {
  readonly env?: Readonly<Record<string, string>>
}

/** Asks again for two seconds; the client ends with the test. */
export function clientOf(t: Test, endpoint: string, settings: ClientSettings = {}): S3 {
  const { region, addressing, requesterPays, env = {}, ...options } = settings
  const end = new AbortController()
  t.teardown(() => {
    end.abort()
  })
  return s3Client({
    locate: (bucket) => {
      const location = locateBucket(bucket, { region, endpoint, addressing, requesterPays }, env)
      if (!location.ok) throw new Error(location.problem)
      return location.value
    },
    credentials: undefined,
    signal: end.signal,
    patienceMs: 2000,
    ...options,
  })
}

export function s3ErrorBody(code: string, message = 'the server said so'): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`
}

export function emptyListing(inner = ''): string {
  return `<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated>${inner}</ListBucketResult>`
}
