/**
 * Credentials from the EKS Pod Identity agent of the node. By the responses of eks-pod-identity-agent, 404 may be a very new
 * association, 429 and 5xx are load, and a refused connection is an agent that does not run yet on a new node: all are retried
 * for a while. 400 and 403 are permanent.
 */
import { get } from '../../network/node-http.ts'
import { askPatiently, patienceWithin, usualBackoff, type TryResult } from '../../s3/patience.ts'
import type { Environment, LoadTask } from '../environment.ts'
import { LoaderFailure } from '../exit-codes.ts'
import type { AwsCredentials } from './aws-credentials.ts'
import { readTokenFile, readTrimmed } from './credential-text.ts'
import { parseObject, readSession } from './session.ts'
import { reportWaiting, type Say } from './waiting.ts'

const answerTimeoutMs = 10_000

/** Hosts that SDKs allow (@aws-sdk/credential-provider-http checkUrl): any other would send the pod's token to a stranger. */
const allowedHosts = /^(169\.254\.170\.23|\[fd00:ec2::23\]|127\.\d+\.\d+\.\d+|localhost|\[::1\])$/

interface AgentResponse {
  readonly status: number
  readonly body: string
}

export function hasPodIdentity(env: Environment): boolean {
  return Boolean(env.AWS_CONTAINER_CREDENTIALS_FULL_URI) && Boolean(env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE)
}

export function podIdentityCredentials(
  { timeoutSeconds }: Pick<LoadTask, 'timeoutSeconds'>,
  env: Environment,
  signal: AbortSignal,
  say: Say = () => undefined,
): () => Promise<AwsCredentials> {
  const uri = readTrimmed(env, 'AWS_CONTAINER_CREDENTIALS_FULL_URI')
  const tokenFile = readTrimmed(env, 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE')
  if (uri === '' || tokenFile === '') {
    throw new LoaderFailure(
      'NoIdentity',
      'AWS_CONTAINER_CREDENTIALS_FULL_URI and AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE are not set',
    )
  }
  const url = URL.canParse(uri) ? new URL(uri) : undefined
  if (url?.protocol !== 'http:' || !allowedHosts.test(url.hostname)) {
    throw new LoaderFailure(
      'NoIdentity',
      `AWS_CONTAINER_CREDENTIALS_FULL_URI is not the address of a Pod Identity agent: ${uri}`,
    )
  }
  const patienceMs = patienceWithin(timeoutSeconds)
  return () =>
    reportWaiting(say, 'the Pod Identity agent', async (onProblem) => {
      const patience = { ...usualBackoff, patienceMs, onProblem, signal }
      const asked = await askPatiently(() => askOnce(url, tokenFile, signal), patience)
      if (!asked.ok) throw new LoaderFailure('NoCredentials', asked.problem)
      return asked.value
    })
}

/** Throws permanent errors. */
async function askOnce(url: URL, tokenFile: string, signal: AbortSignal): Promise<TryResult<AwsCredentials>> {
  const token = await readTokenFile(tokenFile)
  const response = await ask(url, token, signal).catch((error: unknown) => {
    signal.throwIfAborted()
    return error instanceof Error ? error : new Error(String(error))
  })
  if (!(response instanceof Error) && response.status === 200) {
    return { ok: true, value: readCredentials(response.body) }
  }
  const problem = describe(response, token)
  if (!(response instanceof Error) && (response.status === 400 || response.status === 403)) {
    throw new LoaderFailure('Denied', problem)
  }
  return { ok: false, problem }
}

function ask(url: URL, token: string, signal: AbortSignal): Promise<AgentResponse> {
  return new Promise((resolve, reject) => {
    // The agent wants the token as it is, without "Bearer".
    const request = get(
      url,
      { headers: { authorization: token }, signal, timeout: answerTimeoutMs, agent: false },
      (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          body += chunk
          if (body.length > 65_536) response.destroy(new Error('the agent answered with more than 64 KiB'))
        })
        response.once('end', () => {
          resolve({ status: response.statusCode ?? 0, body })
        })
        response.once('error', reject)
      },
    )
    request.once('timeout', () => request.destroy(new Error(`no answer in ${answerTimeoutMs / 1000} s`)))
    request.once('error', reject)
  })
}

function readCredentials(body: string): AwsCredentials {
  const credentials = readSession(body)
  if (credentials === undefined) {
    throw new LoaderFailure('NoCredentials', 'the agent answered with something that is no credentials')
  }
  return credentials
}

function describe(answer: AgentResponse | Error, token: string): string {
  if (answer instanceof Error) return `the Pod Identity agent cannot be reached: ${answer.message}`
  if (answer.status === 404) return `there is no Pod Identity association for ${serviceAccountOf(token)}`
  return `the Pod Identity agent answered ${answer.status}: ${answer.body.trim().replace(/\s+/g, ' ').slice(0, 200)}`
}

/** Reads the service account from the token's claims, which are not verified: only for the message. */
function serviceAccountOf(token: string): string {
  const claims = parseObject(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  const kubernetes = claims['kubernetes.io'] as { namespace?: string; serviceaccount?: { name?: string } } | undefined
  return kubernetes?.namespace === undefined
    ? "the pod's service account"
    : `service account ${kubernetes.namespace}/${kubernetes.serviceaccount?.name ?? ''}`
}
