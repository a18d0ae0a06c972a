/** Credentials by IRSA: the role that the identity webhook of EKS injected, assumed with the pod's projected token. */
import type { Environment, LoadTask } from '../environment.ts'
import { LoaderFailure } from '../exit-codes.ts'
import type { AwsCredentials } from './aws-credentials.ts'
import { readCredentialText, readTokenFile, readTrimmed } from './credential-text.ts'
import { reportWaiting, type Say } from './waiting.ts'

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
  return async () => {
    const token = await readTokenFile(tokenFile)
    // Only pods with IRSA need this part of the SDK, and the loader has little memory.
    const { assumeRoleWithWebIdentity } = await import('../../aws/sts.ts')
    const sessionName = `model-injector-${task.podUid}`.slice(0, 64)
    const result = await reportWaiting(say, 'STS', () =>
      assumeRoleWithWebIdentity({ roleArn, sessionName, token, region: task.region, signal }),
    )
    if (result.ok) return result.credentials
    throw new LoaderFailure(
      result.denied ? 'Denied' : 'NoCredentials',
      `role ${roleArn} cannot be assumed: ${result.problem}`,
    )
  }
}
