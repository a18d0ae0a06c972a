/** The environment of `check --identity`: an account with its STS, a real S3 server with policies that are evaluated, and a role as it is rendered. */
import { join } from 'node:path'
import { HeadObjectCommand } from '@aws-sdk/client-s3'
import type { Finding, Severity } from '../../src/diagnosis/finding.ts'
import type { RunResult } from '../integration/cli/run-cli.ts'
import { runShared } from '../integration/cli/run-shared.ts'
import { renderFiles } from '../render/renderings.ts'
import { startAccountSts, type AccountSts } from '../kit/aws/account-sts.ts'
import {
  addPrincipal,
  allowEverything,
  makeAccount,
  makeKeys,
  type Account,
  type Keys,
  type IAMPolicy,
  type AccountPrincipal,
} from '../kit/aws/aws-account.ts'
import { startFaultProxy, type FaultProxy } from '../kit/s3/s3-fault-proxy.ts'
import { startS3Server, type S3Server } from '../kit/s3/s3-server.ts'

export const accountId = '111122223333'
export const prodClusterArn = `arn:aws:eks:eu-west-1:${accountId}:cluster/prod`
export const accountBucket = 'my-ml-bucket'
export const identity = 'apps/my-inference-app'
const operatorArn = `arn:aws:iam::${accountId}:user/alice`

export interface IdentityWorld {
  readonly server: S3Server
  readonly s3: FaultProxy
  readonly sts: AccountSts
  readonly account: Account
  /** Empty, for the home of who asks. */
  readonly home: string
  stop(): Promise<void>
}

/** Two teams with a model each, below the directories of their namespaces; and the model that stands in no such directory. */
const files = {
  'models/apps/llama/config.json': '{"layers":2}',
  'models/apps/llama/weights.bin': 'weights of apps',
  'models/apps/my-inference-app/adapter/weights.bin': 'weights of one app',
  'models/ml/mistral/weights.bin': 'weights of ml',
  'shared/llama/weights.bin': 'shared weights',
} as const

export async function startWorld(directory: string): Promise<IdentityWorld> {
  const server = await startS3Server(directory, { tls: false })
  for (const [key, body] of Object.entries(files)) await server.putObject(accountBucket, key, body)
  const exists = (name: string, key: string): Promise<boolean> =>
    server.client.send(new HeadObjectCommand({ Bucket: name, Key: key })).then(
      () => true,
      () => false,
    )
  const account = makeAccount(accountId, exists)
  const s3 = await startFaultProxy(server, { tls: false, credentials: account.credentials })
  const sts = await startAccountSts(account)
  return {
    server,
    s3,
    sts,
    account,
    home: join(directory, 'home'),
    stop: async () => {
      await sts.stop()
      await s3.stop()
      await server.stop()
    },
  }
}

export function resetWorld({ account, s3, sts }: IdentityWorld): void {
  account.principals.clear()
  account.credentials.clear()
  account.roles.clear()
  Object.assign(account.guards, { serviceControlPolicy: undefined, endpointPolicy: undefined, bucketPolicy: undefined })
  account.guards.kmsKeys.clear()
  s3.reset()
  sts.reset()
}

export const rendered = {
  role: ['--source', `s3://${accountBucket}/models/apps/llama/`, '-n', 'apps', '--service-account', 'my-inference-app'],
  namespaces: [
    '--scope',
    'namespace',
    '--source',
    `s3://${accountBucket}/models/`,
    '-n',
    'apps',
    '-n',
    'ml',
    '--service-account',
    'my-inference-app',
  ],
  accounts: [
    '--scope',
    'service-account',
    '--source',
    `s3://${accountBucket}/models/`,
    '-n',
    'apps',
    '--service-account',
    'my-inference-app',
  ],
  shared: ['--source', `s3://${accountBucket}/shared/llama/`, '-n', 'apps', '--service-account', 'my-inference-app'],
} as const

export interface Rendered {
  readonly arn: string
  readonly trust: IAMPolicy
  readonly policy: IAMPolicy
}

/** As `render download` prints them; the operator may check it, unless somebody else is named. */
export async function renderRole(
  args: readonly string[],
  checkers: readonly string[] = [operatorArn],
): Promise<Rendered> {
  const printed = await renderFiles([
    's3',
    ...args,
    '--account-id',
    accountId,
    '--region',
    'eu-west-1',
    '--cluster',
    'prod',
    ...checkers.flatMap((arn) => ['--checked-by', arn]),
  ])
  const file = Object.keys(printed).find((name) => name.endsWith('-trust-policy.json')) ?? ''
  const name = file.replace(/-trust-policy\.json$/, '')
  return {
    arn: `arn:aws:iam::${accountId}:role/${name}`,
    trust: JSON.parse(printed[file] ?? '') as IAMPolicy,
    policy: JSON.parse(printed[`${name}-policy.json`] ?? '') as IAMPolicy,
  }
}

export function giveRole({ account }: IdentityWorld, role: Rendered & { readonly boundary?: IAMPolicy }): string {
  account.roles.set(role.arn, role)
  return role.arn
}

const nobody = { tags: {}, transitive: [], isSession: false }

/** A user who may become any role that lets him. */
export function operator(
  world: IdentityWorld,
  { name = 'alice', policy = allowEverything }: { name?: string; policy?: IAMPolicy } = {},
): Keys {
  const arn = `arn:aws:iam::${accountId}:user/${name}`
  return addPrincipal(world.account, { ...nobody, arn, principalArn: arn, policy }, makeKeys('AKIA'))
}

export function sessionOf(
  world: IdentityWorld,
  role: string,
  session: string,
  {
    expiresAt = new Date(Date.now() + 3_600_000),
    ...more
  }: Partial<AccountPrincipal> & { readonly expiresAt?: Date } = {},
): Keys {
  const principal = {
    ...nobody,
    arn: `arn:aws:sts::${accountId}:assumed-role/${role}/${session}`,
    principalArn: `arn:aws:iam::${accountId}:role/${role}`,
    policy: allowEverything,
    isSession: true,
    ...more,
  }
  return addPrincipal(world.account, principal, makeKeys('ASIA'), expiresAt)
}

export function environmentOf(world: IdentityWorld, keys: Keys | undefined): Record<string, string> {
  return {
    HOME: world.home,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ENDPOINT_URL_STS: world.sts.endpoint,
    AWS_ENDPOINT_URL_S3: world.s3.endpoint,
    ...(keys && {
      AWS_ACCESS_KEY_ID: keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
      ...(keys.sessionToken !== '' && { AWS_SESSION_TOKEN: keys.sessionToken }),
    }),
  }
}

export interface Run extends RunResult {
  readonly findings: readonly Finding[]
  /** Findings that are not ok, in their order. */
  readonly problems: readonly (readonly [id: string, severity: Severity])[]
}

/** Everything but `-o json` and `--identity` is in the arguments. */
export async function check(
  world: IdentityWorld,
  keys: Keys | undefined,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Run> {
  const result = await runShared(['check', '--identity', identity, '-o', 'json', ...args], {
    env: { ...environmentOf(world, keys), ...env },
  })
  const secrets = [...world.account.credentials.values()]
    .flatMap(({ secretAccessKey, sessionToken = '' }) => [secretAccessKey, sessionToken])
    .filter((secret) => secret !== '')
  if (secrets.some((secret) => `${result.stdout}${result.stderr}`.includes(secret))) {
    throw new Error('a secret was printed')
  }
  const findings = result.stdout === '' ? [] : (JSON.parse(result.stdout) as { findings: readonly Finding[] }).findings
  return {
    ...result,
    findings,
    problems: findings.filter(({ severity }) => severity !== 'ok').map(({ id, severity }) => [id, severity] as const),
  }
}
