/** Credentials by IRSA: the role that the identity webhook of EKS injected, assumed with the pod's projected token. */
import type { WebIdentityResult } from '../../aws/sts.ts'
import { askPatiently, patienceWithin, usualBackoff, type TryResult } from '../../s3/patience.ts'
import type { Environment, LoadTask } from '../environment.ts'
import { LoaderFailure } from '../exit-codes.ts'
import type { AwsCredentials } from './aws-credentials.ts'
import { readCredentialText, readTokenFile, readTrimmed } from './credential-text.ts'
import { stsRegionOf } from './sts-region.ts'
import { reportWaiting, type Say } from './waiting.ts'

const longestAnswerMs = 10_000

export function webIdentityCredentials(
  task: LoadTask,
  env: Environment,
  signal: AbortSignal,
  say: Say,
): () => Promise<AwsCredentials> {
  const roleArn = readCredentialText(env, 'AWS_ROLE_ARN', 'the pod')
  const tokenFile = readTrimmed(env, 'AWS_WEB_IDENTITY_TOKEN_FILE')
  if (roleArn === '' || tokenFile === '') {
    throw new LoaderFailure(
      'NoIdentity',
      'AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE are not set; the service account may lack its eks.amazonaws.com/role-arn',
    )
  }
  const patienceMs = patienceWithin(task.timeoutSeconds)
  const request = {
    roleArn,
    sessionName: `model-injector-${task.podUid}`.slice(0, 64),
    answerTimeoutMs: Math.min(longestAnswerMs, patienceMs),
    signal,
  }
  return () =>
    reportWaiting(say, 'STS', async (onProblem) => {
      // Only pods with IRSA need this part of the SDK, and the loader has little memory.
      const { assumeRoleWithWebIdentity } = await import('../../aws/sts.ts')
      const ask = async (): Promise<TryResult<AwsCredentials>> => {
        const token = await readTokenFile(tokenFile)
        const region = stsRegionOf(task, roleArn, token)
        return resultOf(await assumeRoleWithWebIdentity({ ...request, token, region }), roleArn)
      }
      const asked = await askPatiently(ask, { ...usualBackoff, patienceMs, onProblem, signal })
      if (!asked.ok) throw new LoaderFailure('NoCredentials', asked.problem)
      return asked.value
    })
}

/** Throws permanent errors. */
function resultOf(result: WebIdentityResult, roleArn: string): TryResult<AwsCredentials> {
  if (result.ok) return { ok: true, value: result.credentials }
  const problem = `role ${roleArn} cannot be assumed: ${result.problem}`
  if (result.mayHeal) return { ok: false, problem }
  throw new LoaderFailure(result.denied ? 'Denied' : 'NoCredentials', problem)
}
