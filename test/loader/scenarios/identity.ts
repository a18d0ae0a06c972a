/** Pods with an identity, as EKS gives it to them. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Stage } from '../../kit/s3/loader-world.ts'
import {
  makeServiceAccountToken,
  startPodIdentityAgent,
  type PodIdentityAgent,
  type PodIdentityAgentOptions,
} from '../../kit/aws/pod-identity-agent.ts'

export type Env = Readonly<Record<string, string>>

/** No keys: an accepted request has them from elsewhere. */
export const noKeys: Env = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' }
export const readerAccount = { namespace: 'ml', serviceAccount: 'reader' } as const

export async function tokenFile({ root, world }: Stage, audience: string): Promise<string> {
  const file = join(world.directory, `token-${root.split('/').at(-1) ?? ''}`)
  await writeFile(
    file,
    makeServiceAccountToken({ ...readerAccount, podName: 'app-1', podUid: 'pod-1', expiresInSeconds: 3600, audience }),
  )
  return file
}

/** An agent that knows the service account, and the environment that the identity webhook of EKS injects. */
export async function withAgent(
  t: Test,
  stage: Stage,
  options: Partial<PodIdentityAgentOptions> = {},
): Promise<{ agent: PodIdentityAgent; env: Env }> {
  const agent = await startPodIdentityAgent({ credentials: stage.world.proxy.credentials, ...options })
  t.teardown(() => agent.stop())
  agent.associate(readerAccount)
  return { agent, env: await podIdentityEnvironment(stage, agent.uri) }
}

export async function podIdentityEnvironment(stage: Stage, uri: string): Promise<Env> {
  return {
    ...noKeys,
    MODEL_CREDENTIALS: 'pod-identity',
    AWS_CONTAINER_CREDENTIALS_FULL_URI: uri,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: await tokenFile(stage, 'pods.eks.amazonaws.com'),
  }
}
