/** Calls to AWS STS. */
import {
  AssumeRoleWithWebIdentityCommand,
  STSClient,
  type Credentials,
  type STSClientConfig,
} from '@aws-sdk/client-sts'
import { agentThrough } from '../network/proxy-agent.ts'
import { proxyFor } from '../network/proxy.ts'
import { printable } from '../values/print/printable.ts'

export interface WebIdentityRequest {
  readonly roleArn: string
  readonly sessionName: string
  readonly token: string
  readonly region: string
  /** Limit for the answer. */
  readonly answerTimeoutMs: number
  readonly signal: AbortSignal
}

interface SessionCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  readonly expiresAtMs: number
}

export type WebIdentityResult =
  | { readonly ok: true; readonly credentials: SessionCredentials }
  /** `mayHeal`: the same question may have another answer later. */
  | { readonly ok: false; readonly mayHeal: boolean; readonly denied: boolean; readonly problem: string }

/** One unsigned call: the token authenticates. The caller tries again. */
export async function assumeRoleWithWebIdentity({
  roleArn,
  sessionName,
  token,
  region,
  answerTimeoutMs,
  signal,
}: WebIdentityRequest): Promise<WebIdentityResult> {
  const client = new STSClient(stsClientConfig(region, 1))
  const command = new AssumeRoleWithWebIdentityCommand({
    RoleArn: roleArn,
    RoleSessionName: sessionName,
    WebIdentityToken: token,
  })
  const timeout = AbortSignal.timeout(answerTimeoutMs)
  let host = 'its host'
  // The SDK alone knows the host: the environment may name another, or one of FIPS.
  command.middlewareStack.add(
    (next) => (args) => {
      host = (args.request as { readonly hostname: string }).hostname
      return next(args)
    },
    { step: 'finalizeRequest', name: 'noteHost' },
  )
  try {
    const { Credentials: answer } = await client.send(command, { abortSignal: AbortSignal.any([signal, timeout]) })
    return sessionOf(answer ?? {}, host)
  } catch (error) {
    signal.throwIfAborted()
    if (timeout.aborted) return unreachable(host, `no answer in ${Math.round(answerTimeoutMs / 1000)} s`)
    return refusalOf(error as StsError, host)
  } finally {
    client.destroy()
  }
}

export interface Timeouts {
  readonly connectionTimeout?: number
  readonly requestTimeout?: number
}

/** `timeouts` are in milliseconds; without them, connecting takes as long as the system allows. */
export function stsClientConfig(region: string, maxAttempts: number, timeouts: Timeouts = {}): STSClientConfig {
  const { AWS_ENDPOINT_URL_STS: endpoint = '' } = process.env
  const host = `https://sts.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`
  const proxy = proxyFor(endpoint === '' ? host : endpoint)
  return {
    region,
    maxAttempts,
    requestHandler: { ...timeouts, ...(proxy !== undefined && { httpsAgent: agentThrough(proxy) }) },
  }
}

function sessionOf(answer: Partial<Credentials>, host: string): WebIdentityResult {
  const {
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    SessionToken: sessionToken,
    Expiration: expiration,
  } = answer
  if (!accessKeyId || !secretAccessKey || !sessionToken || !expiration) {
    return { ok: false, mayHeal: false, denied: false, problem: `${host} answered without credentials` }
  }
  return { ok: true, credentials: { accessKeyId, secretAccessKey, sessionToken, expiresAtMs: expiration.getTime() } }
}

type StsError = Error & { readonly $metadata?: { readonly httpStatusCode?: number } }

function refusalOf(error: StsError, host: string): WebIdentityResult {
  const { name, message, $metadata } = error
  const status = $metadata?.httpStatusCode
  if (status === undefined) return unreachable(host, reasonOf(error))
  // STS could not reach the cluster's OIDC provider, whose keys it needs (AssumeRoleWithWebIdentity: "you can retry the request").
  const mayHeal = status >= 500 || status === 429 || name === 'Throttling' || name.startsWith('IDPCommunicationError')
  return { ok: false, mayHeal, denied: status < 500 && !mayHeal, problem: printable(`${name}: ${message}`) }
}

function unreachable(host: string, reason: string): WebIdentityResult {
  return { ok: false, mayHeal: true, denied: false, problem: `STS at ${host} cannot be reached: ${reason}` }
}

/** A failed connection to a host with two addresses has its messages only in the inner errors. */
function reasonOf(error: Error): string {
  if (error.message !== '') return error.message
  const [first] = error instanceof AggregateError ? (error.errors as readonly Error[]) : []
  return first?.message ?? error.name
}
