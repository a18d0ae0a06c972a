/** The instance metadata service, that hands out the node's role to every caller: no part of ours may ask. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { CredentialsTable } from '../s3/s3-signature.ts'

interface ImdsCall {
  readonly method: string
  readonly path: string
  readonly atMs: number
}

export interface Imds {
  /** For AWS_EC2_METADATA_SERVICE_ENDPOINT, where it is not at its own address. */
  readonly endpoint: string
  /** A request that is signed with it comes from the node. */
  readonly accessKeyId: string
  readonly calls: readonly ImdsCall[]
  /** May be called more than once. */
  stop(): Promise<void>
}

interface Reply {
  readonly status: number
  readonly body: string
}

const ROLE_PATH = '/latest/meta-data/iam/security-credentials/'
const ROLE = 'node-role'
const ACCESS_KEY_ID = 'ASIANODEROLE00000000'
const SIX_HOURS_IN_MILLISECONDS = 6 * 3600 * 1000

/** With a table its credentials work at the S3 side, as a node's do. */
export async function startImds({
  address = '127.0.0.1',
  port = 0,
  credentials,
}: {
  address?: string
  port?: number
  credentials?: CredentialsTable
} = {}): Promise<Imds> {
  const calls: ImdsCall[] = []
  const sessionToken = randomBytes(32).toString('base64')
  const secretAccessKey = randomBytes(30).toString('base64')
  const metadataToken = randomBytes(32).toString('base64')
  credentials?.set(ACCESS_KEY_ID, { secretAccessKey, sessionToken })
  const role = (): string =>
    JSON.stringify({
      Code: 'Success',
      LastUpdated: new Date().toISOString(),
      Type: 'AWS-HMAC',
      AccessKeyId: ACCESS_KEY_ID,
      SecretAccessKey: secretAccessKey,
      Token: sessionToken,
      Expiration: new Date(Date.now() + SIX_HOURS_IN_MILLISECONDS).toISOString(),
    })
  const reply = (request: IncomingMessage): Reply => {
    if (request.method === 'PUT' && request.url === '/latest/api/token') return { status: 200, body: metadataToken }
    if (request.headers['x-aws-ec2-metadata-token'] !== metadataToken) return { status: 401, body: 'Unauthorized' }
    if (request.url === ROLE_PATH) return { status: 200, body: ROLE }
    return request.url === ROLE_PATH + ROLE ? { status: 200, body: role() } : { status: 404, body: 'Not Found' }
  }
  const server = createServer((request, response) => {
    calls.push({ method: request.method ?? '', path: request.url ?? '', atMs: Date.now() })
    const { status, body } = reply(request)
    response
      .writeHead(status, {
        'content-type': 'text/plain',
        ...(request.method === 'PUT' ? { 'x-aws-ec2-metadata-token-ttl-seconds': '21600' } : {}),
      })
      .end(body)
  })
  server.listen(port, address)
  await once(server, 'listening')
  return {
    endpoint: `http://${address}:${(server.address() as AddressInfo).port}`,
    accessKeyId: ACCESS_KEY_ID,
    calls,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}
