/** Flags that several `render` commands share. */
import { parseCredentials } from '../values/credentials.ts'
import { parseObjectName, parseLabelName } from '../values/names.ts'
import { parsed, unreadable, type Parsed } from '../values/parsed.ts'
import {
  parseAccountId,
  parseAWSRegion,
  parseClusterName,
  parseKeyArn,
  parseOidcProvider,
  parseRoleName,
} from './parse-aws-names.ts'

export const eksFlags = {
  accountId: {
    term: '--account-id <id>',
    description: 'AWS account of the cluster',
    accepted: '12 digits',
    parse: parseAccountId,
  },
  region: {
    term: '--region <name>',
    description: 'AWS region of the cluster',
    accepted: 'as eu-west-1',
    parse: parseAWSRegion,
  },
  cluster: {
    term: '--cluster <name>',
    description: 'name of the EKS cluster',
    accepted: "a cluster's name",
    parse: parseClusterName,
  },
} as const

export const identityFlags = {
  namespace: {
    term: '-n, --namespace <name>',
    description: 'namespace of the pods',
    accepted: 'a DNS label',
    parse: parseLabelName,
    many: true,
  },
  serviceAccount: {
    term: '--service-account <name>',
    description: 'service account of the pods',
    accepted: 'the name of a ServiceAccount',
    parse: parseObjectName,
    many: true,
  },
} as const

export const roleFlags = {
  credentials: {
    term: '--credentials <how>',
    description: 'how pods assume the role',
    accepted: 'pod-identity, irsa',
    parse: parseWorkloadIdentity,
    default: 'pod-identity',
  },
  oidcProvider: {
    term: '--oidc-provider <host/path>',
    description: "with irsa: the cluster's OIDC provider",
    accepted: 'as oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF',
    parse: parseOidcProvider,
  },
  roleName: {
    term: '--role-name <name>',
    description: 'name of the IAM role (default: made from cluster, namespace and service account)',
    accepted: 'the name of an IAM role',
    parse: parseRoleName,
  },
  bucketRegion: {
    term: '--bucket-region <name>',
    description: "region of the bucket (default: the cluster's)",
    accepted: 'as eu-west-1',
    parse: parseAWSRegion,
  },
  kmsKey: {
    term: '--kms-key <arn>',
    description: 'key that the bucket is encrypted with',
    accepted: 'arn:aws:kms:REGION:ACCOUNT:key/ID',
    parse: parseKeyArn,
  },
} as const

function parseWorkloadIdentity(text: string): Parsed<'pod-identity' | 'irsa'> {
  const credentials = parseCredentials(text)
  if (!credentials.ok) return credentials
  const { kind } = credentials.value
  return kind === 'pod-identity' || kind === 'irsa' ? parsed(kind) : unreadable('needs no role')
}
