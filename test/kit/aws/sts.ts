/** AWS STS as IRSA needs it: AssumeRoleWithWebIdentity, with what STS checks of token and role, and its XML. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { CredentialsTable } from '../s3/s3-signature.ts'
import { stsErrorXml, resultXml, sessionXml, type STSRefusal, type SessionKeys } from './sts-xml.ts'

interface StsCall {
  readonly action: string
  readonly roleArn: string
  readonly sessionName: string
  readonly status: number
  /** Key of the credentials that were handed out. */
  readonly accessKeyId: string | undefined
}

export interface Sts {
  /** For AWS_ENDPOINT_URL_STS. */
  readonly endpoint: string
  readonly calls: readonly StsCall[]
  /** The role's trust policy: which service account, NAMESPACE/NAME, may assume it. */
  trust(roleArn: string, serviceAccount: string): void
  /** The next answers are 503. */
  beUnavailable(times: number): void
  /** From now on requests are read and never answered. */
  beSilent(): void
  /** May be called more than once. */
  stop(): Promise<void>
}

interface TokenClaims {
  readonly exp?: number
  readonly aud?: readonly string[]
  readonly sub?: string
}

const AUDIENCE = 'sts.amazonaws.com'
const HOUR_MILLISECONDS = 3600 * 1000

const unavailable: STSRefusal = {
  status: 503,
  code: 'ServiceUnavailable',
  message: 'Service is unavailable, try again.',
}
const denied: STSRefusal = {
  status: 403,
  code: 'AccessDenied',
  message: 'Not authorized to perform sts:AssumeRoleWithWebIdentity',
}

/** Its credentials are put into the table that the S3 side checks. */
export async function startSts(credentials: CredentialsTable): Promise<Sts> {
  const calls: StsCall[] = []
  const trusted = new Map<string, string>()
  let unavailableTimes = 0
  let silent = false
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const form = new URLSearchParams(await text(request))
    if (silent) return
    const refusal = unavailableTimes-- > 0 ? unavailable : refuse(form, trusted)
    const accessKeyId = `ASIA${randomBytes(8).toString('hex').toUpperCase()}`
    const asked = {
      action: form.get('Action') ?? '',
      roleArn: form.get('RoleArn') ?? '',
      sessionName: form.get('RoleSessionName') ?? '',
    }
    const { status, body } =
      refusal === undefined
        ? { status: 200, body: session(form, accessKeyId, credentials) }
        : { status: refusal.status, body: stsErrorXml(refusal) }
    calls.push({ ...asked, status, accessKeyId: refusal === undefined ? accessKeyId : undefined })
    response.writeHead(status, { 'content-type': 'text/xml' }).end(body)
  }
  const server = createServer((request, response) => {
    void handle(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    trust: (roleArn, serviceAccount) => {
      trusted.set(roleArn, serviceAccount)
    },
    beSilent: () => {
      silent = true
    },
    beUnavailable: (times) => {
      unavailableTimes = times
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

function refuse(form: URLSearchParams, trusted: ReadonlyMap<string, string>): STSRefusal | undefined {
  if (form.get('Action') !== 'AssumeRoleWithWebIdentity') {
    return { status: 400, code: 'InvalidAction', message: 'Could not find operation' }
  }
  const { exp, aud, sub } = claimsOf(form.get('WebIdentityToken') ?? '')
  if (exp === undefined) {
    return { status: 400, code: 'InvalidIdentityToken', message: 'The ID Token provided is not a valid JWT.' }
  }
  if (exp * 1000 <= Date.now()) return { status: 400, code: 'ExpiredTokenException', message: 'Token expired' }
  if (aud?.includes(AUDIENCE) !== true) {
    return { status: 400, code: 'InvalidIdentityToken', message: 'Incorrect token audience' }
  }
  const serviceAccount = trusted.get(form.get('RoleArn') ?? '')
  return serviceAccount !== undefined && sub === `system:serviceaccount:${serviceAccount.replace('/', ':')}`
    ? undefined
    : denied
}

function claimsOf(token: string): TokenClaims {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as TokenClaims
  } catch {
    return {}
  }
}

function session(form: URLSearchParams, accessKeyId: string, credentials: CredentialsTable): string {
  const keys: SessionKeys = {
    accessKeyId,
    secretAccessKey: `${randomBytes(15).toString('hex')}/+/=`,
    sessionToken: `IQoJ/+${randomBytes(60).toString('base64')}/==`,
    expiresAt: new Date(Date.now() + HOUR_MILLISECONDS),
  }
  credentials.set(accessKeyId, keys)
  const user = `<AssumedRoleUser><Arn>${form.get('RoleArn') ?? ''}/${form.get('RoleSessionName') ?? ''}</Arn><AssumedRoleId>AROAEXAMPLE</AssumedRoleId></AssumedRoleUser>`
  return resultXml('AssumeRoleWithWebIdentity', `${sessionXml(keys)}${user}`)
}
