/** Credentials of the EC2 instance itself, by IMDSv2: for hosts that build images, which are no pods. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Environment } from '../environment.ts'
import { LoaderFailure } from '../exit-codes.ts'
import type { AwsCredentials } from './aws-credentials.ts'
import { readSession } from './session.ts'
import { tellWaiting, type Say } from './waiting.ts'

const standardEndpoint = 'http://169.254.169.254'
const rolePath = '/latest/meta-data/iam/security-credentials/'
const answerTimeoutMs = 5_000
const firstPauseMs = 250
const longestPauseMs = 4_000
const remedy = 'give the instance a profile, and allow it to use IMDSv2'

export function instanceProfileCredentials(
  env: Environment,
  signal: AbortSignal,
  say: Say,
): () => Promise<AwsCredentials> {
  const { AWS_EC2_METADATA_SERVICE_ENDPOINT: configured = '' } = env
  const endpoint = configured === '' ? standardEndpoint : configured
  return () =>
    tellWaiting(say, 'the metadata service of the instance', async (onProblem) => {
      for (let pauseMs = firstPauseMs; ; pauseMs *= 2) {
        const answer = await ask(endpoint, signal).catch((error: unknown) => describe(error, signal))
        if (typeof answer !== 'string') return answer
        if (pauseMs > longestPauseMs) throw new LoaderFailure('NoCredentials', answer, { remedy })
        onProblem(answer)
        await sleep(pauseMs * (0.5 + Math.random() / 2), undefined, { signal })
      }
    })
}

/** The words of a problem that may heal; throws for one that does not. */
async function ask(endpoint: string, signal: AbortSignal): Promise<AwsCredentials | string> {
  const fetchText = async (path: string, init: RequestInit): Promise<string> => {
    const response = await fetch(endpoint + path, {
      ...init,
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)]),
    })
    if (response.status === 404) throw new LoaderFailure('NoIdentity', 'the instance has no profile', { remedy })
    if (!response.ok) throw new Error(`it answered ${response.status}`)
    return response.text()
  }
  const token = await fetchText('/latest/api/token', {
    method: 'PUT',
    headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '21600' },
  })
  const init = { headers: { 'x-aws-ec2-metadata-token': token } }
  const [role = ''] = (await fetchText(rolePath, init)).split('\n')
  return (
    readSession(await fetchText(rolePath + role, init)) ??
    'the metadata service answered with something that is no credentials'
  )
}

function describe(error: unknown, signal: AbortSignal): string {
  signal.throwIfAborted()
  if (error instanceof LoaderFailure) throw error
  const { message, cause } = error as Error
  return `the metadata service cannot be reached: ${cause instanceof Error ? cause.message : message}`
}
