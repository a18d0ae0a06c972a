/** S3 access of the publisher: with the loader's code, and never with the node's role. */
import { credentialsSource } from '../loader/credentials/credentials.ts'
import { formatLoaderEnv, type LoaderValues } from '../loader-contract.ts'
import { readTask, type Environment, type LoadTask } from '../loader/environment.ts'
import { rareProblems } from '../loader/credentials/waiting.ts'
import { LoaderFailure } from '../loader/exit-codes.ts'
import { locateSource } from '../loader/locate-source.ts'
import type { Report } from '../loader/report.ts'
import { trustAlso } from '../network/trust.ts'
import { s3Client } from '../s3/client.ts'
import { patienceWithin } from '../s3/patience.ts'
import type { S3 } from '../s3/s3.ts'
import type { Addressing } from '../values/s3/endpoint.ts'
import type { S3Source } from '../values/source.ts'
import type { PublishVolume } from './volume.ts'

/** `keys` are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; `auto` is the first of the others that the environment configures. */
export const credentialsChoices = ['auto', 'pod-identity', 'irsa', 'keys', 'anonymous'] as const
type CredentialsChoice = (typeof credentialsChoices)[number]

export interface Access {
  readonly credentials: CredentialsChoice
  readonly region: string | undefined
  readonly endpoint: string | undefined
  /** Undefined for the usual one of the endpoint and the bucket. */
  readonly addressing: Addressing | undefined
  readonly requesterPays: boolean
}

/** Time without a byte after which the run ends; the next one continues. */
const stallTimeoutSeconds = 120
/** Bounds only the wait for the agent: the Job's activeDeadlineSeconds ends a run. */
const timeoutSeconds = 86_400

/** The part of the task that all versions share, read and checked by the loader's parser. */
export function baseTask(
  { source, volume, access }: { readonly source: S3Source; readonly volume: PublishVolume; readonly access: Access },
  env: Environment,
): LoadTask {
  const { MODEL_CA_CERTIFICATES, HTTPS_PROXY, https_proxy } = env
  const read = readTask({
    MODEL_CA_CERTIFICATES,
    HTTPS_PROXY,
    https_proxy,
    MODEL_REGION: access.region,
    AWS_REGION: env.AWS_REGION,
    AWS_DEFAULT_REGION: env.AWS_DEFAULT_REGION,
    MODEL_CREDENTIALS: credentialsOf(access.credentials, env),
    MODEL_ENDPOINT: access.endpoint,
    MODEL_ADDRESSING: access.addressing,
    MODEL_REQUESTER_PAYS: access.requesterPays ? 'true' : undefined,
    ...loaderEnv({
      MODEL_NAME: 'publish',
      MODEL_SOURCE: source,
      MODEL_ROOT: volume.incoming,
      MODEL_ID: '0'.repeat(16),
      MODEL_TIMEOUT_SECONDS: timeoutSeconds,
      MODEL_STALL_TIMEOUT_SECONDS: stallTimeoutSeconds,
    }),
  })
  if (!read.ok) {
    throw new LoaderFailure('InvalidEnvironment', read.problems.join(', '), {
      remedy: 'correct the environment or the options',
    })
  }
  return read.task
}

function loaderEnv(values: LoaderValues): Environment {
  return Object.fromEntries(formatLoaderEnv(values).map(({ name, value }) => [name, value]))
}

function credentialsOf(choice: CredentialsChoice, env: Environment): string {
  const kind = choice === 'auto' ? kindIn(env) : choice
  return kind === 'keys' ? 'secret/of-the-environment' : kind
}

function kindIn(env: Environment): Exclude<CredentialsChoice, 'auto'> {
  if (env.AWS_CONTAINER_CREDENTIALS_FULL_URI) return 'pod-identity'
  if (env.AWS_WEB_IDENTITY_TOKEN_FILE) return 'irsa'
  if (env.AWS_ACCESS_KEY_ID) return 'keys'
  throw new LoaderFailure(
    'NoIdentity',
    'no credentials are in the environment: neither of EKS Pod Identity, nor of IRSA, nor keys',
    {
      remedy:
        'associate the service account with a role and recreate the pod, or set --credentials; the role of the node is never used',
    },
  )
}

/** Time limit of a listing: a run by hand has no other deadline. */
export const longestListingMs = 10 * 60_000

/** Connects; the caller closes the connection. */
export function connectS3(
  task: LoadTask,
  env: Environment,
  {
    signal,
    report,
    patienceMs = patienceWithin(timeoutSeconds),
  }: { readonly signal: AbortSignal; readonly report: Report; readonly patienceMs?: number | undefined },
): S3 {
  const say = (line: string): void => {
    report.info(line)
  }
  trustAlso(task.alsoTrusted)
  const location = locateSource(task, env)
  return s3Client({
    locate: () => location,
    credentials: credentialsSource(task, env, signal, say),
    signal,
    patienceMs,
    onProblem: rareProblems(say, 'S3'),
    longestListingMs,
  })
}
