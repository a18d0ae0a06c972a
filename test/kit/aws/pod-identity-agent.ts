/**
 * The EKS Pod Identity agent as clients see it (aws/eks-pod-identity-agent, which asks EKS Auth): its checks of a
 * request, the texts of its errors, and one line of JSON. Its credentials are put into the table that the S3 side checks.
 */
import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { splitOnce, type CredentialsTable } from '../s3/s3-signature.ts'

export const agentFailures = [
  'not-found',
  'throttled',
  'server-error',
  'unavailable',
  'access-denied',
  'expired-token',
] as const
export type AgentFailure = (typeof agentFailures)[number]

export interface PodIdentityAgentOptions {
  /** 127.0.0.1 without it. */
  readonly address?: string
  /** A free one without it. */
  readonly port?: number
  readonly credentials: CredentialsTable
  /** Hosts that a request may name; 169.254.170.23 and fd00:ec2::23 as in real life, on loopback its own address too. */
  readonly hosts?: readonly string[]
  /** Six hours without it. */
  readonly ttlSeconds?: number
  /** The same credentials for the same token while they last; true without it. */
  readonly caching?: boolean
}

export interface Association {
  readonly namespace: string
  readonly serviceAccount: string
  /** BUCKET/PREFIX that its credentials may read; everything without them. */
  readonly allowedPrefixes?: readonly string[]
}

interface AgentCall {
  readonly method: string
  readonly path: string
  readonly host: string
  readonly authorization: string | undefined
  readonly atMs: number
  readonly status: number
  /** Key of the credentials that were handed out. */
  readonly accessKeyId: string | undefined
}

export interface PodIdentityAgent {
  /** For AWS_CONTAINER_CREDENTIALS_FULL_URI. */
  readonly uri: string
  readonly calls: readonly AgentCall[]
  /** May be changed at any time. */
  ttlSeconds: number
  delayMilliseconds: number
  associate(association: Association): void
  dissociate(association: Pick<Association, 'namespace' | 'serviceAccount'>): void
  /** The next answers, once without `times`. */
  fail(failure: AgentFailure, times?: number | 'always'): void
  /** As before the agent is up on a new node. */
  refuseConnections(): Promise<void>
  acceptConnections(): Promise<void>
  /** May be called more than once. */
  stop(): Promise<void>
}

export interface ServiceAccountTokenClaims {
  readonly namespace: string
  readonly serviceAccount: string
  readonly podName: string
  readonly podUid: string
  readonly expiresInSeconds: number
  /** pods.eks.amazonaws.com without it. */
  readonly audience?: string
}

interface Refusal {
  readonly status: number
  readonly text: string
}

interface Claims {
  readonly exp: number
  readonly aud: readonly string[]
  readonly 'kubernetes.io': {
    readonly namespace: string
    readonly serviceaccount: { readonly name: string }
    readonly pod: { readonly name: string; readonly uid: string }
  }
}

interface Handout {
  readonly accessKeyId: string
  readonly expiresAt: Date
  readonly body: string
}

const AUDIENCE = 'pods.eks.amazonaws.com'
const REAL_HOSTS = ['169.254.170.23', 'fd00:ec2::23']
const SIX_HOURS = 6 * 3600
// The agent serves what lasts longer than this from its cache.
const MINIMAL_REST_MILLISECONDS = 15_000
const ACCOUNT = '111122223333'

/** A token as the kubelet projects it, with a false signature: the agent does not verify that, EKS Auth does. */
export function makeServiceAccountToken(claims: ServiceAccountTokenClaims): string {
  const now = Math.floor(Date.now() / 1000)
  const payload = {
    aud: [claims.audience ?? AUDIENCE],
    exp: now + claims.expiresInSeconds,
    iat: now,
    nbf: Math.min(now, now + claims.expiresInSeconds - 1),
    iss: 'https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE',
    jti: randomUUID(),
    sub: `system:serviceaccount:${claims.namespace}:${claims.serviceAccount}`,
    'kubernetes.io': {
      namespace: claims.namespace,
      pod: { name: claims.podName, uid: claims.podUid },
      serviceaccount: { name: claims.serviceAccount, uid: randomUUID() },
    },
  }
  const parts = [{ alg: 'RS256', kid: 'test' }, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${parts}.${createHmac('sha256', 'nobody').update(parts).digest('base64url')}`
}

export async function startPodIdentityAgent(options: PodIdentityAgentOptions): Promise<PodIdentityAgent> {
  const { address = '127.0.0.1', credentials, caching = true } = options
  const hosts = options.hosts ?? (address.startsWith('127.') ? [...REAL_HOSTS, address, 'localhost'] : REAL_HOSTS)
  const calls: AgentCall[] = []
  const associations = new Map<string, Association>()
  const failures: { failure: AgentFailure; left: number }[] = []
  const cache = new Map<string, Handout>()
  const settings = { ttlSeconds: options.ttlSeconds ?? SIX_HOURS, delayMilliseconds: 0 }

  const nextFailure = (): Refusal | undefined => {
    const entry = failures.find(({ left }) => left > 0)
    if (entry === undefined) return undefined
    entry.left--
    return refusals[entry.failure]
  }
  const judge = (request: IncomingMessage): Refusal | Handout => {
    const token = request.headers.authorization ?? ''
    const claims = checkedClaims(request, hosts)
    if ('status' in claims) return claims
    const failure = nextFailure()
    if (failure !== undefined) return failure
    const cached = caching ? cache.get(token) : undefined
    if (cached !== undefined && cached.expiresAt.getTime() - Date.now() > MINIMAL_REST_MILLISECONDS) return cached
    const { namespace, serviceaccount } = claims['kubernetes.io']
    const association = associations.get(`${namespace}/${serviceaccount.name}`)
    if (association === undefined) return refusals['not-found']
    const handout = handOut(claims, association, { credentials, ttlSeconds: settings.ttlSeconds })
    cache.set(token, handout)
    return handout
  }
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (settings.delayMilliseconds > 0) await sleep(settings.delayMilliseconds, undefined, { ref: false })
    const path = splitOnce(request.url ?? '', '?')[0] ?? ''
    const verdict = path === '/v1/credentials' ? judge(request) : { status: 404, text: '404 page not found' }
    const status = 'status' in verdict ? verdict.status : 200
    calls.push({
      method: request.method ?? '',
      path,
      host: request.headers.host ?? '',
      authorization: request.headers.authorization,
      atMs: Date.now(),
      status,
      accessKeyId: 'accessKeyId' in verdict ? verdict.accessKeyId : undefined,
    })
    answer(response, verdict)
  }

  const makeServer = (): Server =>
    createServer((request, response) => {
      void handle(request, response)
    })
  let server: Server | undefined = makeServer()
  const port = await listen(server, address, options.port ?? 0)
  const refuseConnections = async (): Promise<void> => {
    const closing = server
    server = undefined
    if (closing !== undefined) await close(closing)
  }
  return {
    uri: `http://${address.includes(':') ? `[${address}]` : address}:${port}/v1/credentials`,
    calls,
    get ttlSeconds() {
      return settings.ttlSeconds
    },
    set ttlSeconds(seconds) {
      settings.ttlSeconds = seconds
    },
    get delayMilliseconds() {
      return settings.delayMilliseconds
    },
    set delayMilliseconds(milliseconds) {
      settings.delayMilliseconds = milliseconds
    },
    associate: (association) => {
      associations.set(`${association.namespace}/${association.serviceAccount}`, association)
    },
    dissociate: ({ namespace, serviceAccount }) => {
      associations.delete(`${namespace}/${serviceAccount}`)
    },
    fail: (failure, times = 1) => {
      failures.push({ failure, left: times === 'always' ? Infinity : times })
    },
    refuseConnections,
    acceptConnections: async () => {
      if (server !== undefined) return
      server = makeServer()
      await listen(server, address, port)
    },
    stop: refuseConnections,
  }
}

async function listen(server: Server, address: string, port: number): Promise<number> {
  server.listen(port, address)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function close(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeAllConnections()
  await closed
}

/** As Go's http.Error writes it. */
function answer(response: ServerResponse, verdict: Refusal | Handout): void {
  if ('status' in verdict) {
    response
      .writeHead(verdict.status, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' })
      .end(`${verdict.text}\n`)
  } else response.writeHead(200, { 'content-type': 'application/json' }).end(verdict.body)
}

function checkedClaims(request: IncomingMessage, hosts: readonly string[]): Claims | Refusal {
  const host = hostOf(request.headers.host ?? '')
  if (!hosts.includes(host)) {
    return {
      status: 403,
      text: `Access Denied. Called agent through invalid address, please use either [${hosts.join(' ')}] address not ${host}`,
    }
  }
  const token = request.headers.authorization ?? ''
  if (token === '') return { status: 400, text: 'Service account token cannot be empty' }
  const parts = token.split('.')
  if (parts.length !== 3) {
    return {
      status: 400,
      text: 'Service account token cannot be parsed: token is malformed: token contains an invalid number of segments',
    }
  }
  const claims = parseClaims(parts[1] ?? '')
  if (claims === undefined) {
    return {
      status: 400,
      text: 'Service account token cannot be parsed: token is malformed: could not JSON decode claim',
    }
  }
  if (claims.exp * 1000 <= Date.now()) {
    return {
      status: 400,
      text: 'Service account token failed basic claim validations: token has invalid claims: token is expired',
    }
  }
  return isForPods(claims)
    ? claims
    : serviceRefusal(400, 'InvalidTokenException', 'The token included in the request is invalid.', 'client')
}

function hostOf(header: string): string {
  return header.startsWith('[') ? (header.slice(1).split(']')[0] ?? '') : (splitOnce(header, ':')[0] ?? '')
}

function parseClaims(part: string): Claims | undefined {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString()) as Claims
  } catch {
    return undefined
  }
}

/** The claims that EKS Auth reads. Any of them may be missing in a client's token. */
function isForPods(claims: Partial<Claims>): boolean {
  const kubernetes: Partial<Claims['kubernetes.io']> = claims['kubernetes.io'] ?? {}
  return (
    claims.aud?.includes(AUDIENCE) === true &&
    [kubernetes.namespace, kubernetes.serviceaccount?.name, kubernetes.pod?.name, kubernetes.pod?.uid].every(
      (value) => value !== undefined,
    )
  )
}

function serviceRefusal(status: number, code: string, message: string, fault: 'client' | 'server'): Refusal {
  return { status, text: `[6a3b1f0e-5c0d-4a53-9a0e-2f4f5b1d7c11]: (${code}): ${message}, fault: ${fault}` }
}

const refusals: Readonly<Record<AgentFailure, Refusal>> = {
  'not-found': serviceRefusal(
    404,
    'ResourceNotFoundException',
    'The specified pod identity association was not found.',
    'client',
  ),
  throttled: { status: 429, text: 'Too Many Requests. Rate limit exceeded' },
  'server-error': serviceRefusal(500, 'InternalServerException', 'An internal error occurred.', 'server'),
  unavailable: serviceRefusal(
    503,
    'ServiceUnavailableException',
    'The service is unavailable. Back off and retry the operation.',
    'server',
  ),
  'access-denied': serviceRefusal(
    400,
    'AccessDeniedException',
    'Unauthorized Exception! EKS does not have permissions to assume the associated role.',
    'client',
  ),
  'expired-token': serviceRefusal(
    400,
    'ExpiredTokenException',
    'The token included in the request is expired.',
    'client',
  ),
}

function handOut(
  claims: Claims,
  association: Association,
  { credentials, ttlSeconds }: { credentials: CredentialsTable; ttlSeconds: number },
): Handout {
  const accessKeyId = `ASIA${randomBytes(10).toString('hex').toUpperCase().slice(0, 16)}`
  // Slash, plus and equals sign are what careless scripts break on.
  const secretAccessKey = `${randomBytes(15).toString('hex')}/+/=`
  const sessionToken = `IQoJ/+${Buffer.from(JSON.stringify(sessionTags(claims))).toString('base64')}+/==`
  const expiresAt = new Date(Date.now() + ttlSeconds * 1000)
  const { allowedPrefixes } = association
  credentials.set(accessKeyId, {
    secretAccessKey,
    sessionToken,
    expiresAt,
    ...(allowedPrefixes === undefined ? {} : { allowedPrefixes }),
  })
  const nanoseconds = expiresAt.toISOString().replace('Z', '123456Z')
  return {
    accessKeyId,
    expiresAt,
    body: JSON.stringify({
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      Token: sessionToken,
      AccountId: ACCOUNT,
      Expiration: nanoseconds,
    }),
  }
}

function sessionTags({ 'kubernetes.io': { namespace, serviceaccount, pod } }: Claims): Record<string, string> {
  return {
    'eks-cluster-arn': `arn:aws:eks:eu-west-1:${ACCOUNT}:cluster/test`,
    'eks-cluster-name': 'test',
    'kubernetes-namespace': namespace,
    'kubernetes-service-account': serviceaccount.name,
    'kubernetes-pod-name': pod.name,
    'kubernetes-pod-uid': pod.uid,
  }
}
