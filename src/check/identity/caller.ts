/** Identifies the caller: the owner of the credentials that the SDK finds, in the same order as the AWS CLI. */
import { containerError, type CallerIdentity, type RoleCalls } from '../../aws/assume-role.ts'
import type { Refusal } from '../../aws/refusal.ts'
import type { S3Credentials } from '../../s3/origin.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { error, ok } from './checks.ts'
import { callerOf, type Caller } from './arns.ts'
import { noAnswerRemedy, describeRefusal } from './refusals.ts'

export interface Principal extends CallerIdentity {
  readonly caller: Caller
  readonly credentials: S3Credentials
}

export interface IdentifiedPrincipal {
  /** Undefined if no caller is known, or if the caller cannot assume a role. */
  readonly principal: Principal | undefined
  readonly findings: readonly Finding[]
}

export async function identifyPrincipal(calls: RoleCalls): Promise<IdentifiedPrincipal> {
  const credentials = await calls.credentials()
  if (!credentials.ok) return { principal: undefined, findings: [unknownCaller(credentials.refusal)] }
  const identity = await calls.callerIdentity()
  if (!identity.ok) return { principal: undefined, findings: [unknownCaller(identity.refusal)] }
  const { arn } = identity.value
  const caller = callerOf(arn)
  // The root user cannot assume a role, whatever else it may do.
  const principal = caller.kind === 'root' ? undefined : { ...identity.value, caller, credentials: credentials.value }
  return { principal, findings: [ok('caller', arn), judgeKind(arn, caller)] }
}

function judgeKind(arn: string, caller: Caller): Finding {
  switch (caller.kind) {
    case 'node':
      return error(
        'node-role',
        `the caller is the role ${caller.name} of the instance ${caller.session}: this host, or pod, found no credentials but those of its node`,
      )
    case 'root':
      return error(
        'node-role',
        `the caller is the root user, ${arn}, which may do everything and cannot assume a role`,
        'use the credentials of a user, or of a role of your own',
      )
    case 'pod':
      return ok('node-role', `a pod of EKS Pod Identity, with the role ${caller.name}`)
    case 'role':
      return ok('node-role', `a session of the role ${caller.name}`)
    case 'user':
      return ok('node-role', `the user ${caller.name}`)
    case 'other':
      return ok('node-role', 'neither a node nor the root user')
  }
}

interface Cause {
  readonly applies: (refusal: Refusal) => boolean
  readonly what?: string
  readonly remedy: string
  readonly command?: string
}

const causes: readonly Cause[] = [
  {
    applies: ({ message }) => /\bSSO\b/i.test(message),
    remedy: 'log in again',
    command: 'aws sso login',
  },
  {
    // The SDK drops the agent's answer: it tries the next provider, and reports that 169.254.170.23 is not a valid host for
    // that one.
    applies: ({ code }) => code === containerError,
    what: 'the agent that AWS_CONTAINER_CREDENTIALS_FULL_URI names gave no credentials, and the SDK does not say why: with EKS Pod Identity there is, most often, no association for the service account of this pod',
    remedy: 'see aws eks list-pod-identity-associations; or ask from your own shell',
  },
  {
    applies: ({ message }) =>
      /Could not load credentials from any providers|Metadata Service access disabled/.test(message),
    what: 'no credentials are found: neither in the environment, nor by a profile, nor of a container or an instance',
    remedy:
      'log in (aws sso login, aws configure), or name a profile with AWS_PROFILE; in CI, let the job take a role of its own by its OIDC provider; what fails on the way this says:',
    command: 'aws sts get-caller-identity',
  },
  {
    applies: ({ message }) => /multi-factor|MFA/.test(message),
    remedy: 'let the command line of AWS ask for the code, and take what it gets from there',
    command: 'eval "$(aws configure export-credentials --format env)"',
  },
  {
    applies: ({ code }) => code.startsWith('ExpiredToken'),
    remedy: 'the credentials have expired: log in again, or take the new ones over into the environment of this shell',
  },
  {
    applies: ({ code }) => code === 'InvalidClientTokenId' || code === 'UnrecognizedClientException',
    remedy:
      'the access key was deleted or is inactive, lacks its AWS_SESSION_TOKEN, or belongs to another partition than --region',
  },
  {
    applies: ({ code }) => code === 'SignatureDoesNotMatch' || code === 'RequestExpired',
    remedy: 'the secret key is not that of the access key, or the clock of this host is off',
  },
]

const noAnswer: Cause = {
  applies: ({ status, code }) => status === 0 && !code.includes('ProviderError'),
  remedy: noAnswerRemedy,
}

function unknownCaller(refusal: Refusal): Finding {
  const {
    what = describeRefusal(refusal),
    remedy,
    command,
  } = [...causes, noAnswer].find(({ applies }) => applies(refusal)) ?? {}
  const finding = error('caller', what, remedy)
  return command === undefined ? finding : withCommands(finding, command)
}
