/** Credentials of the EC2 instance itself, by IMDSv2: for hosts that build images, which are no pods. */
import { askPatiently, type TryResult } from '../../s3/patience.ts'
import type { Environment } from '../environment.ts'
import { LoaderFailure } from '../exit-codes.ts'
import type { AwsCredentials } from './aws-credentials.ts'
import { readSession } from './session.ts'
import { reportWaiting, type Say } from './waiting.ts'

const standardEndpoint = 'http://169.254.169.254'
const rolePath = '/latest/meta-data/iam/security-credentials/'
const answerTimeoutMs = 5_000
const patience = { patienceMs: 8_000, firstDelayMs: 250, longestDelayMs: 4_000 }
const remedy = 'give the instance a profile, and allow it to use IMDSv2'

export function instanceProfileCredentials(
  env: Environment,
  signal: AbortSignal,
  say: Say,
): () => Promise<AwsCredentials> {
  const { AWS_EC2_METADATA_SERVICE_ENDPOINT: configured = '' } = env
  const endpoint = configured === '' ? standardEndpoint : configured
  return () =>
    reportWaiting(say, 'the metadata service of the instance', async (onProblem) => {
      const asked = await askPatiently(() => ask(endpoint, signal), { ...patience, onProblem, signal })
      if (!asked.ok) throw new LoaderFailure('NoCredentials', asked.problem, { remedy })
      return asked.value
    })
}

async function ask(endpoint: string, signal: AbortSignal): Promise<TryResult<AwsCredentials>> {
  try {
    const credentials = readSession(await fetchSession(endpoint, signal))
    return credentials === undefined
      ? { ok: false, problem: 'the metadata service answered with something that is no credentials' }
      : { ok: true, value: credentials }
  } catch (error) {
    return { ok: false, problem: describe(error, signal) }
  }
}

async function fetchSession(endpoint: string, signal: AbortSignal): Promise<string> {
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
  return fetchText(rolePath + role, init)
}

/** Throws permanent errors. */
function describe(error: unknown, signal: AbortSignal): string {
  signal.throwIfAborted()
  if (error instanceof LoaderFailure) throw error
  const { message, cause } = error as Error
  return `the metadata service cannot be reached: ${cause instanceof Error ? cause.message : message}`
}
