/**
 * Gets the loader's credentials from the injected source and no other. The node's role is used only on a host that builds
 * images, which has no other, and only if its operator allows it.
 */
import type { Environment, LoadTask } from '../environment.ts'
import { LoaderFailure } from '../exit-codes.ts'
import { readCredentialText } from './credential-text.ts'
import { hasPodIdentity, podIdentityCredentials } from './pod-identity.ts'
import { instanceProfileCredentials } from './instance-profile.ts'
import type { Say } from './waiting.ts'
import { webIdentityCredentials } from './web-identity.ts'
import type { AwsCredentials } from './aws-credentials.ts'

/** With `refresh`, replaces the last ones, which a server has refused. */
export type CredentialsSource = (refresh: boolean) => Promise<AwsCredentials>

/** Credentials are renewed when they have less than this left, so that none expires inside a request. */
const leastValidityMs = 5 * 60 * 1000

/** Undefined for anonymous access. `say` gets a line for each wait. */
export function credentialsSource(
  task: LoadTask,
  env: Environment,
  signal: AbortSignal,
  say: Say = () => undefined,
): CredentialsSource | undefined {
  switch (task.credentials.kind) {
    case 'pod-identity':
      if (task.allowInstanceProfile && !hasPodIdentity(env)) return cached(instanceProfileCredentials(env, signal, say))
      return cached(podIdentityCredentials(task, env, signal, say))
    case 'irsa':
      return cached(webIdentityCredentials(task, env, signal, say))
    case 'secret':
      return fixed(keysOf(env, task.credentials.name))
    case 'anonymous':
      return undefined
  }
}

function keysOf(env: Environment, secret: string): AwsCredentials {
  const read = (key: string): string => readCredentialText(env, key, `the Secret ${secret}`)
  const accessKeyId = read('AWS_ACCESS_KEY_ID')
  const secretAccessKey = read('AWS_SECRET_ACCESS_KEY')
  const sessionToken = read('AWS_SESSION_TOKEN')
  if (accessKeyId === '' || secretAccessKey === '') {
    throw new LoaderFailure('NoIdentity', `the Secret ${secret} gave no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`)
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken !== '' && { sessionToken }) }
}

function fixed(credentials: AwsCredentials): CredentialsSource {
  return () => Promise.resolve(credentials)
}

/** Shares one request among all callers that need new credentials at the same time. */
function cached(ask: () => Promise<AwsCredentials>): CredentialsSource {
  let current: AwsCredentials | undefined
  let asking: Promise<AwsCredentials> | undefined
  return (refresh) => {
    if (
      current !== undefined &&
      !refresh &&
      (current.expiresAtMs ?? Number.POSITIVE_INFINITY) - Date.now() > leastValidityMs
    ) {
      return Promise.resolve(current)
    }
    asking ??= ask()
      .then((credentials) => (current = credentials))
      .finally(() => {
        asking = undefined
      })
    return asking
  }
}
