/** Calls to AWS STS for checking a role: caller identity and AssumeRole. The webhook never makes them. */
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { attempt, type Attempt } from './refusal.ts'
import type { S3Credentials } from '../s3/origin.ts'
import { stsClientConfig } from './sts.ts'

export interface CallerIdentity {
  readonly accountId: string
  readonly arn: string
}

interface RoleRequest {
  readonly roleArn: string
  readonly sessionName: string
  /** Session tags, all transitive as in EKS Pod Identity. */
  readonly tags: Readonly<Record<string, string>>
  /** Upper bound of the session's permissions. */
  readonly policy: object
}

export interface AssumedRole {
  readonly credentials: S3Credentials
  /** Used share of the session token, which holds tags and policy, if STS reports it. */
  readonly tokenPercent: number | undefined
}

export interface RoleCalls {
  /** Credentials of the default chain: environment, profile, SSO, container, instance. */
  credentials(): Promise<Attempt<S3Credentials>>
  callerIdentity(): Promise<Attempt<CallerIdentity>>
  assumeRole(request: RoleRequest): Promise<Attempt<AssumedRole>>
  close(): void
}

/** Minimum of STS. It is below the limit of one hour for a role that was itself assumed. */
const sessionSeconds = 900
const mostAttempts = 3
const timeouts = { connectionTimeout: 10_000, requestTimeout: 30_000 }

export function roleCalls(region: string, signal: AbortSignal): RoleCalls {
  const client = new STSClient(stsClientConfig(region, mostAttempts, timeouts))
  const options = { abortSignal: signal }
  return {
    credentials: async () => markContainer(await attempt(async () => withoutMore(await client.config.credentials()))),
    callerIdentity: () =>
      attempt(async () => {
        const { Account: accountId = '', Arn: arn = '' } = await client.send(new GetCallerIdentityCommand({}), options)
        return { accountId, arn }
      }),
    assumeRole: ({ roleArn, sessionName, tags, policy }) =>
      attempt(async () => {
        const { Credentials: session, SessionTokenUtilization: tokenPercent } = await client.send(
          new AssumeRoleCommand({
            RoleArn: roleArn,
            RoleSessionName: sessionName,
            DurationSeconds: sessionSeconds,
            Policy: JSON.stringify(policy),
            ...tagsOf(tags),
          }),
          options,
        )
        return {
          credentials: {
            accessKeyId: session?.AccessKeyId ?? '',
            secretAccessKey: session?.SecretAccessKey ?? '',
            sessionToken: session?.SessionToken ?? '',
          },
          tokenPercent,
        }
      }),
    close: () => {
      client.destroy()
    },
  }
}

/** Code of a refusal where a container agent should have given the credentials, as in EKS Pod Identity. */
export const containerError = 'ContainerProviderError'

function markContainer<T>(credentials: Attempt<T>): Attempt<T> {
  const isOfContainer = (process.env.AWS_CONTAINER_CREDENTIALS_FULL_URI ?? '') !== ''
  if (credentials.ok || !isOfContainer) return credentials
  return { ok: false, refusal: { ...credentials.refusal, code: containerError } }
}

function tagsOf(tags: RoleRequest['tags']): Pick<AssumeRoleCommand['input'], 'Tags' | 'TransitiveTagKeys'> {
  const entries = Object.entries(tags)
  if (entries.length === 0) return {}
  return { Tags: entries.map(([Key, Value]) => ({ Key, Value })), TransitiveTagKeys: Object.keys(tags) }
}

function withoutMore({
  accessKeyId,
  secretAccessKey,
  sessionToken,
}: {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
}): S3Credentials {
  return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) }
}
