/**
 * Gives s5cmd the loader's credentials. Its SDK takes them from an address of loopback alone, and asks again before they end. Path
 * and token are random: other containers of the pod share the loopback.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { createServer } from '../../network/node-http.ts'
import type { AwsCredentials } from '../credentials/aws-credentials.ts'
import type { CredentialsSource } from '../credentials/credentials.ts'

export interface CredentialsServer {
  readonly env: Readonly<Record<string, string>>
  /** True while s5cmd waits for credentials, which have deadlines of their own. */
  isAsking(): boolean
  /** The last ones that were given. */
  lastGiven(): AwsCredentials | undefined
  close(): void
}

/** `onFailed` gets the failure of the source, which is a better reason than what s5cmd says of it. */
export async function serveCredentials(
  source: CredentialsSource,
  onFailed: (error: unknown) => void,
): Promise<CredentialsServer> {
  const [path, token] = [`/${randomBytes(16).toString('hex')}`, randomBytes(32).toString('hex')]
  let asking = 0
  let given: AwsCredentials | undefined
  const answer = async (): Promise<string> => {
    asking++
    try {
      given = await source(false)
      return bodyOf(given)
    } finally {
      asking--
    }
  }
  const server = createServer((request, response) => {
    if (!isSame(request.url ?? '', path) || !isSame(request.headers.authorization ?? '', token)) {
      response.writeHead(403).end()
      return
    }
    answer().then(
      (body) => response.writeHead(200, { 'content-type': 'application/json' }).end(body),
      (error: unknown) => {
        onFailed(error)
        response.writeHead(500).end()
      },
    )
  })
  server.unref()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    env: {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}${path}`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: token,
    },
    isAsking: () => asking > 0,
    lastGiven: () => given,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** Without an expiration, the SDK keeps them. */
function bodyOf({ accessKeyId, secretAccessKey, sessionToken, expiresAtMs }: AwsCredentials): string {
  return JSON.stringify({
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: sessionToken ?? '',
    ...(expiresAtMs !== undefined && { Expiration: new Date(expiresAtMs).toISOString() }),
  })
}

function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)]
  return one.length === other.length && timingSafeEqual(one, other)
}
