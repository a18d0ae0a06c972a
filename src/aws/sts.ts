/** Calls to AWS STS. */
import {
  AssumeRoleWithWebIdentityCommand,
  STSClient,
  type Credentials,
  type STSClientConfig,
} from '@aws-sdk/client-sts'
import { agentThrough } from '../network/proxy-agent.ts'
import { proxyFor } from '../network/proxy.ts'

export interface WebIdentityRequest {
  readonly roleArn: string
  readonly sessionName: string
  readonly token: string
  readonly region: string | undefined
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
  | { readonly ok: false; readonly denied: boolean; readonly problem: string }

/** An unsigned call: the token authenticates. The SDK retries throttling and lost connections, ten attempts in all. */
export async function assumeRoleWithWebIdentity({
  roleArn,
  sessionName,
  token,
  region,
  signal,
}: WebIdentityRequest): Promise<WebIdentityResult> {
  const client = new STSClient(stsClientConfig(region ?? 'us-east-1', 10))
  const command = new AssumeRoleWithWebIdentityCommand({
    RoleArn: roleArn,
    RoleSessionName: sessionName,
    WebIdentityToken: token,
  })
  try {
    const { Credentials: answer } = await client.send(command, { abortSignal: signal })
    return sessionOf(answer ?? {})
  } catch (error) {
    signal.throwIfAborted()
    return refusalOf(error as Error & { $metadata?: { httpStatusCode?: number } })
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
  const proxy = proxyFor(`https://sts.${region}.amazonaws.com`)
  return {
    region,
    maxAttempts,
    requestHandler: { ...timeouts, ...(proxy !== undefined && { httpsAgent: agentThrough(proxy) }) },
  }
}

function sessionOf(answer: Partial<Credentials>): WebIdentityResult {
  const {
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    SessionToken: sessionToken,
    Expiration: expiration,
  } = answer
  if (!accessKeyId || !secretAccessKey || !sessionToken || !expiration) {
    return { ok: false, denied: false, problem: 'STS answered without credentials' }
  }
  return { ok: true, credentials: { accessKeyId, secretAccessKey, sessionToken, expiresAtMs: expiration.getTime() } }
}

function refusalOf({
  name,
  message,
  $metadata,
}: Error & { $metadata?: { httpStatusCode?: number } }): WebIdentityResult {
  const status = $metadata?.httpStatusCode ?? 0
  return { ok: false, denied: status >= 400 && status < 500 && status !== 429, problem: `${name}: ${message}` }
}
