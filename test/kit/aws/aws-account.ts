/**
 * An AWS account, as far as it decides who may become a role and read a bucket: users, roles and sessions, and what their policies
 * say, evaluated by a simulator that we did not write. Messages of refusals are those of AWS, which name the missing action and the
 * kind of policy that it is missing in.
 */
import { randomBytes } from 'node:crypto'
import { runSimulation } from '@cloud-copilot/iam-simulate'
import type { S3ErrorAnswer } from '../s3/s3-answers.ts'
import type { CredentialsTable, ReadRequest } from '../s3/s3-signature.ts'
import type { SessionKeys } from './sts-xml.ts'

export type IAMPolicy = Readonly<Record<string, unknown>>

export interface Role {
  readonly arn: string
  readonly trust: IAMPolicy
  readonly policy: IAMPolicy
  readonly boundary?: IAMPolicy
}

export interface AccountPrincipal {
  /** As GetCallerIdentity says it. */
  readonly arn: string
  /** The ARN of the role for a session; that of aws:PrincipalArn. */
  readonly principalArn: string
  readonly policy: IAMPolicy
  readonly boundary?: IAMPolicy | undefined
  readonly sessionPolicy?: IAMPolicy | undefined
  readonly tags: Readonly<Record<string, string>>
  /** Those of the tags that sessions assumed by it inherit. */
  readonly transitive: readonly string[]
  readonly isSession: boolean
}

/** The session token is empty for those of a user. */
export type Keys = Omit<SessionKeys, 'expiresAt'>

export interface Account {
  readonly id: string
  readonly roles: Map<string, Role>
  /** By access key id. */
  readonly principals: Map<string, AccountPrincipal>
  /** The credentials that the S3 side accepts. */
  readonly credentials: CredentialsTable
  readonly guards: Guards
  /** True if S3 has the object. */
  readonly exists: (bucket: string, key: string) => Promise<boolean>
}

/** Policies of the organisation, the network, the bucket, and the keys of buckets. May be changed at any time. */
interface Guards {
  serviceControlPolicy?: IAMPolicy | undefined
  /** Policy of the endpoint of S3. */
  endpointPolicy?: IAMPolicy | undefined
  bucketPolicy?: IAMPolicy | undefined
  /** ARN of the key, by bucket. */
  readonly kmsKeys: Map<string, string>
}

export const allowEverything = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
} as const

export function makeAccount(id: string, exists: Account['exists']): Account {
  return { id, exists, roles: new Map(), principals: new Map(), credentials: new Map(), guards: { kmsKeys: new Map() } }
}

export function makeKeys(prefix: 'AKIA' | 'ASIA'): Keys {
  return {
    accessKeyId: `${prefix}${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: `${randomBytes(15).toString('hex')}/+/=`,
    sessionToken: prefix === 'AKIA' ? '' : `IQoJ/+${randomBytes(60).toString('base64')}/==`,
  }
}

/** Gives somebody keys, which S3 believes from then on as their policies say. */
export function addPrincipal(account: Account, principal: AccountPrincipal, keys: Keys, expiresAt?: Date): Keys {
  account.principals.set(keys.accessKeyId, principal)
  account.credentials.set(keys.accessKeyId, {
    secretAccessKey: keys.secretAccessKey,
    ...(keys.sessionToken !== '' && { sessionToken: keys.sessionToken }),
    ...(expiresAt && { expiresAt }),
    refuse: (request) => refuseReading(account, principal, request),
  })
  return keys
}

type Context = Readonly<Record<string, string | string[]>>

export interface Asked {
  readonly action: string
  readonly resource: string
  readonly context?: Context
  readonly resourcePolicy?: IAMPolicy | undefined
  /** How the message names the resource. */
  readonly naming?: string
}

/** Undefined where it is allowed; else what AWS says. */
export async function denialOf(
  account: Account,
  principal: AccountPrincipal,
  { action, resource, context, resourcePolicy, naming = `resource: "${resource}"` }: Asked,
): Promise<string | undefined> {
  const { serviceControlPolicy, endpointPolicy } = account.guards
  const tags = Object.fromEntries(
    Object.entries(principal.tags).map(([tag, value]) => [`aws:PrincipalTag/${tag}`, value]),
  )
  const response = await runSimulation(
    {
      identityPolicies: [{ name: 'policy', policy: principal.policy }],
      sessionPolicy: principal.sessionPolicy,
      resourcePolicy,
      ...(principal.boundary && { permissionBoundaryPolicies: [{ name: 'boundary', policy: principal.boundary }] }),
      ...(endpointPolicy &&
        action.startsWith('s3:') && { vpcEndpointPolicies: [{ name: 'endpoint', policy: endpointPolicy }] }),
      serviceControlPolicies:
        serviceControlPolicy === undefined
          ? []
          : [{ orgIdentifier: 'root', policies: [{ name: 'scp', policy: serviceControlPolicy }] }],
      resourceControlPolicies: [],
      request: {
        action,
        principal: principal.arn,
        resource: { resource, accountId: account.id },
        contextVariables: { 'aws:PrincipalArn': principal.principalArn, ...tags, ...context },
      },
    },
    {},
  )
  if (response.resultType !== 'single') throw new Error(JSON.stringify(response))
  const { analysis } = response.result
  if (response.overallResult === 'Allowed') return undefined
  return `User: ${principal.arn} is not authorized to perform: ${action} on ${naming} ${becauseOf(analysis, action)}`
}

type Analysis = Extract<Awaited<ReturnType<typeof runSimulation>>, { resultType: 'single' }>['result']['analysis']

function becauseOf(analysis: Analysis, action: string): string {
  const kinds = [
    ['service control policy', analysis.scpAnalysis?.result],
    ['VPC endpoint policy', analysis.endpointAnalysis?.result],
    ['resource-based policy', analysis.resourceAnalysis?.result],
    ['permissions boundary', analysis.permissionBoundaryAnalysis?.result],
    ['session policy', analysis.sessionAnalysis?.result],
    ['identity-based policy', analysis.identityAnalysis?.result],
  ] as const
  const denied = kinds.find(([, result]) => result === 'ExplicitlyDenied')
  if (denied !== undefined) return `with an explicit deny in a ${denied[0]}`
  const missing = kinds.find(([kind, result]) => result === 'ImplicitlyDenied' && kind !== 'resource-based policy')
  return `because no ${missing?.[0] ?? 'resource-based policy'} allows the ${action} action`
}

async function refuseReading(
  account: Account,
  principal: AccountPrincipal,
  request: ReadRequest,
): Promise<S3ErrorAnswer | undefined> {
  const { bucket } = request
  const message =
    'key' in request
      ? await refuseObject(account, principal, { bucket, key: request.key })
      : await refuseListing(account, principal, bucket, request.prefix)
  return message === undefined ? undefined : { status: 403, code: 'AccessDenied', message }
}

/** Without a prefix, as S3 asks where an object is not there: a caller that may not list does not learn that. */
function refuseListing(
  account: Account,
  principal: AccountPrincipal,
  bucket: string,
  prefix?: string,
): Promise<string | undefined> {
  const context = prefix === undefined ? {} : { 's3:prefix': prefix }
  return denialOf(account, principal, {
    action: 's3:ListBucket',
    resource: `arn:aws:s3:::${bucket}`,
    context,
    resourcePolicy: account.guards.bucketPolicy,
  })
}

async function refuseObject(
  account: Account,
  principal: AccountPrincipal,
  { bucket, key }: { bucket: string; key: string },
): Promise<string | undefined> {
  const denied = await denialOf(account, principal, {
    action: 's3:GetObject',
    resource: `arn:aws:s3:::${bucket}/${key}`,
    resourcePolicy: account.guards.bucketPolicy,
  })
  if (denied !== undefined) return denied
  if (!(await account.exists(bucket, key))) return refuseListing(account, principal, bucket)
  const kmsKey = account.guards.kmsKeys.get(bucket)
  return kmsKey === undefined ? undefined : refuseDecryption(account, principal, kmsKey)
}

function refuseDecryption(account: Account, principal: AccountPrincipal, kmsKey: string): Promise<string | undefined> {
  const region = kmsKey.split(':')[3] ?? ''
  // The policy that every key has from the start: policies of the account decide.
  const resourcePolicy = {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${account.id}:root` }, Action: 'kms:*', Resource: '*' },
    ],
  }
  return denialOf(account, principal, {
    action: 'kms:Decrypt',
    resource: kmsKey,
    context: { 'kms:ViaService': `s3.${region}.amazonaws.com` },
    resourcePolicy,
    naming: 'the resource associated with this ciphertext',
  })
}
