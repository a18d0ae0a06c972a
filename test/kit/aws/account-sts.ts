/** AWS STS of an account: GetCallerIdentity and AssumeRole, with what STS checks of the request, the tags and the trust policy. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import {
  addPrincipal,
  denialOf,
  makeKeys,
  type Account,
  type IAMPolicy,
  type AccountPrincipal,
  type Role,
} from './aws-account.ts'
import {
  isSignedWith,
  parseAuthorization,
  stringToSignOf,
  type SigningIdentity,
  type SignedRequest,
} from '../s3/s3-signature.ts'
import { stsErrorXml, resultXml, sessionXml, type STSRefusal } from './sts-xml.ts'

interface AssumeRoleCall {
  readonly action: string
  readonly roleArn: string
  readonly sessionName: string
  readonly durationSeconds: number
  readonly tags: Readonly<Record<string, string>>
  readonly transitive: readonly string[]
  readonly policy: IAMPolicy | undefined
  readonly status: number
}

export interface AccountSts {
  /** For AWS_ENDPOINT_URL_STS. */
  readonly endpoint: string
  readonly calls: readonly AssumeRoleCall[]
  /** The next caller is refused like this; later ones follow the rules. */
  refuseNext(refusal: STSRefusal): void
  /** Forgets calls and refusals. */
  reset(): void
  /** May be called more than once. */
  stop(): Promise<void>
}

const HOUR_SECONDS = 3600
/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
const MOST_TAGS = 50
const LONGEST_TAG_KEY = 128
const LONGEST_TAG_VALUE = 256
const LONGEST_POLICY = 2048
/** AWS does not say how it packs; the six tags of EKS Pod Identity took 74 % (aws/containers-roadmap issue 2413), which are 256 characters as a rule. */
const ROOM_FOR_TAGS = 346

type Asked = Omit<AssumeRoleCall, 'status'>

export async function startAccountSts(account: Account): Promise<AccountSts> {
  const calls: AssumeRoleCall[] = []
  const refusals: STSRefusal[] = []
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request)
    const asked = askedOf(new URLSearchParams(body))
    const result = refusals.shift() ?? (await answer(account, asked, identify(account, signedRequest(request, body))))
    const status = typeof result === 'string' ? 200 : result.status
    calls.push({ ...asked, status })
    response
      .writeHead(status, { 'content-type': 'text/xml' })
      .end(typeof result === 'string' ? result : stsErrorXml(result))
  }
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      response.writeHead(500).end(stsErrorXml({ status: 500, code: 'InternalFailure', message: String(error) }))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    refuseNext: (refusal) => {
      refusals.push(refusal)
    },
    reset: () => {
      calls.length = refusals.length = 0
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

function askedOf(form: URLSearchParams): Asked {
  const members = (name: string): string[] =>
    [...form.keys()].filter((key) => key.startsWith(`${name}.member.`)).map((key) => form.get(key) ?? '')
  const tags = [...form.keys()]
    .filter((key) => /^Tags\.member\.\d+\.Key$/.test(key))
    .map((key) => [form.get(key) ?? '', form.get(key.replace(/Key$/, 'Value')) ?? ''] as const)
  const policy = form.get('Policy')
  return {
    action: form.get('Action') ?? '',
    roleArn: form.get('RoleArn') ?? '',
    sessionName: form.get('RoleSessionName') ?? '',
    durationSeconds: Number(form.get('DurationSeconds') ?? HOUR_SECONDS),
    tags: Object.fromEntries(tags),
    transitive: members('TransitiveTagKeys'),
    policy: policy === null ? undefined : (JSON.parse(policy) as IAMPolicy),
  }
}

function identify(account: Account, request: SignedRequest): AccountPrincipal | STSRefusal {
  const { headers } = request
  const authorization = parseAuthorization(headers.authorization ?? '')
  if (authorization?.service !== 'sts') {
    return { status: 403, code: 'MissingAuthenticationToken', message: 'Request is missing Authentication Token' }
  }
  const [principal, keys] = [
    account.principals.get(authorization.accessKeyId),
    account.credentials.get(authorization.accessKeyId),
  ]
  if (principal === undefined || keys === undefined || headers['x-amz-security-token'] !== keys.sessionToken) {
    return unknownToken
  }
  if (isOver(keys)) {
    return { status: 403, code: 'ExpiredToken', message: 'The security token included in the request is expired' }
  }
  return isSignedWith(keys.secretAccessKey, stringToSignOf(request, authorization), authorization)
    ? principal
    : wrongSignature
}

function signedRequest({ method = '', url = '', headers }: IncomingMessage, body: string): SignedRequest {
  return { method, url, headers, bodySha256: createHash('sha256').update(body).digest('hex') }
}

const unknownToken: STSRefusal = {
  status: 403,
  code: 'InvalidClientTokenId',
  message: 'The security token included in the request is invalid.',
}
const wrongSignature: STSRefusal = {
  status: 403,
  code: 'SignatureDoesNotMatch',
  message:
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
}

function isOver({ expiresAt }: SigningIdentity): boolean {
  return expiresAt !== undefined && expiresAt.getTime() <= Date.now()
}

async function answer(
  account: Account,
  asked: Asked,
  principal: AccountPrincipal | STSRefusal,
): Promise<string | STSRefusal> {
  if ('code' in principal) return principal
  if (asked.action === 'GetCallerIdentity') {
    return resultXml(
      'GetCallerIdentity',
      `<Arn>${principal.arn}</Arn><UserId>AIDAEXAMPLE</UserId><Account>${account.id}</Account>`,
    )
  }
  if (asked.action !== 'AssumeRole') {
    return {
      status: 400,
      code: 'InvalidAction',
      message: `Could not find operation ${asked.action} for version 2011-06-15`,
    }
  }
  const role = account.roles.get(asked.roleArn)
  return (
    requestProblem(asked, principal) ??
    (await trustProblem(account, asked, principal, role)) ??
    assume(account, asked, { principal, role: role! })
  )
}

function requestProblem(asked: Asked, principal: AccountPrincipal): STSRefusal | undefined {
  return shapeProblem(asked, principal) ?? tagsProblem(asked, principal) ?? roomProblem(asked, principal)
}

function shapeProblem(
  { sessionName, durationSeconds, policy }: Asked,
  { isSession }: AccountPrincipal,
): STSRefusal | undefined {
  if (!/^[\w+=,.@-]{2,64}$/.test(sessionName)) {
    return invalid(
      `1 validation error detected: Value '${sessionName}' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*`,
    )
  }
  if (durationSeconds < 900) {
    return invalid(
      `1 validation error detected: Value '${durationSeconds}' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900`,
    )
  }
  if (isSession && durationSeconds > HOUR_SECONDS) {
    return invalid('The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining')
  }
  if (policy !== undefined && JSON.stringify(policy).length > LONGEST_POLICY) {
    return invalid(
      `1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to ${LONGEST_POLICY}`,
    )
  }
  return undefined
}

function tagsProblem({ tags, transitive }: Asked, principal: AccountPrincipal): STSRefusal | undefined {
  const [keys, inherited] = [Object.keys(tags).map(lower), principal.transitive.map(lower)]
  if (
    keys.length > MOST_TAGS ||
    Object.entries(tags).some(([key, value]) => key.length > LONGEST_TAG_KEY || value.length > LONGEST_TAG_VALUE)
  ) {
    return invalid("1 validation error detected: Value at 'tags' failed to satisfy constraint")
  }
  if (new Set(keys).size < keys.length) {
    return parameter('Duplicate tag keys found. Please note that Tag keys are case insensitive.')
  }
  if (transitive.some((key) => !keys.includes(lower(key)))) {
    return parameter('The specified transitive tag key must be included in the requested tags.')
  }
  return keys.some((key) => inherited.includes(key))
    ? parameter(
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
      )
    : undefined
}

function lower(text: string): string {
  return text.toLowerCase()
}

function roomProblem(asked: Asked, principal: AccountPrincipal): STSRefusal | undefined {
  const percent = percentOf(asked, principal)
  return percent <= 100
    ? undefined
    : {
        status: 400,
        code: 'PackedPolicyTooLarge',
        message: `Packed size of session tags consumes ${percent}% of allotted space.`,
      }
}

function percentOf({ tags, policy }: Asked, principal: AccountPrincipal): number {
  const length = Object.entries({ ...inheritedTags(principal), ...tags }).reduce(
    (sum, [key, value]) => sum + key.length + value.length,
    0,
  )
  return Math.round(
    100 * (length / ROOM_FOR_TAGS + (policy === undefined ? 0 : JSON.stringify(policy).length / LONGEST_POLICY) / 2),
  )
}

function inheritedTags({ tags, transitive }: AccountPrincipal): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(tags).filter(([key]) => transitive.includes(key)))
}

function invalid(message: string): STSRefusal {
  return { status: 400, code: 'ValidationError', message }
}

function parameter(message: string): STSRefusal {
  return { status: 400, code: 'InvalidParameterValue', message }
}

/** Both actions have to be allowed where the new session has tags, inherited ones too. STS does not reveal that a role exists. */
async function trustProblem(
  account: Account,
  asked: Asked,
  principal: AccountPrincipal,
  role: Role | undefined,
): Promise<STSRefusal | undefined> {
  const tags = { ...inheritedTags(principal), ...asked.tags }
  const actions = ['sts:AssumeRole', ...(Object.keys(tags).length === 0 ? [] : ['sts:TagSession'])]
  for (const action of actions) {
    const denied = await denialOf(account, principal, {
      action,
      resource: asked.roleArn,
      resourcePolicy: role?.trust ?? { Version: '2012-10-17', Statement: [] },
      naming: `resource: ${asked.roleArn}`,
      context: {
        ...Object.fromEntries(Object.entries(tags).map(([tag, value]) => [`aws:RequestTag/${tag}`, value])),
        'aws:TagKeys': Object.keys(tags),
        'sts:TransitiveTagKeys': [...asked.transitive],
        'sts:RoleSessionName': asked.sessionName,
      },
    })
    // STS does not say in which policy an Allow is missing.
    if (denied !== undefined) {
      return {
        status: 403,
        code: 'AccessDenied',
        message: denied.replace(/ because no (?:identity|resource)-based policy .*$/, ''),
      }
    }
  }
  return undefined
}

function assume(
  account: Account,
  asked: Asked,
  { principal, role }: { principal: AccountPrincipal; role: Role },
): string {
  const name = role.arn.slice(role.arn.lastIndexOf('/') + 1)
  const expiresAt = new Date(Date.now() + asked.durationSeconds * 1000)
  const keys = addPrincipal(
    account,
    {
      arn: `arn:aws:sts::${account.id}:assumed-role/${name}/${asked.sessionName}`,
      principalArn: role.arn,
      policy: role.policy,
      boundary: role.boundary,
      sessionPolicy: asked.policy,
      tags: { ...inheritedTags(principal), ...asked.tags },
      transitive: [...principal.transitive, ...asked.transitive],
      isSession: true,
    },
    makeKeys('ASIA'),
    expiresAt,
  )
  const user = `<AssumedRoleUser><Arn>arn:aws:sts::${account.id}:assumed-role/${name}/${asked.sessionName}</Arn><AssumedRoleId>AROAEXAMPLE:${asked.sessionName}</AssumedRoleId></AssumedRoleUser>`
  return resultXml(
    'AssumeRole',
    `${sessionXml({ ...keys, expiresAt })}${user}<SessionTokenUtilization>${percentOf(asked, principal)}</SessionTokenUtilization>`,
  )
}
