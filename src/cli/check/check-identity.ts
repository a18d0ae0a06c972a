/** `model-injector check --identity`: proves what the pods of a service account may read, by assuming its role. */
import type { Command } from 'commander'
import { parseClusterArn, parseRoleArn } from '../../check/identity/arns.ts'
import type { IdentityReport } from '../../check/identity/check-identity.ts'
import { readAccountFacts, unknownAccountFacts, type AccountFacts } from '../../check/identity/account-facts.ts'
import { isAllNamed, type NamedIdentity } from '../../check/identity/role-under-test.ts'
import { AppError } from '../../errors.ts'
import type { Identity } from '../../render/access.ts'
import { parseAWSRegion, parseS3Source } from '../../render/parse-aws-names.ts'
import { parseLabelName, parseObjectName } from '../../values/names.ts'
import { parsed, parseWord, unreadable, type Parsed } from '../../values/parsed.ts'
import { useCluster, type ClusterOptions } from '../cluster-options.ts'
import { parseFlags, problemIf } from '../../flags/flags.ts'
import { addFlags, fail } from '../flags.ts'

const ownFlags = {
  identity: {
    term: '--identity <namespace/serviceaccount>',
    description: 'check what pods with this service account may read',
    accepted: 'as apps/my-inference-app',
    parse: parseIdentity,
  },
  role: {
    term: '--role <arn>',
    description: 'with --identity: the role of the service account (default: with IRSA, what it is annotated with)',
    accepted: 'arn:aws:iam::ACCOUNT:role/NAME',
    parse: parseRoleArn,
  },
  credentials: {
    term: '--credentials <how>',
    description: 'with --identity: how pods assume the role (default: what workloads are annotated with)',
    accepted: 'pod-identity, irsa',
    parse: parseWord(['pod-identity', 'irsa']),
  },
  other: {
    term: '--other <s3://…>',
    description:
      "with --identity: a prefix that these pods must not read (default: siblings of their namespace's directory)",
    accepted: 's3://bucket/prefix/, s3://bucket/key',
    parse: parseS3Source,
    many: true,
  },
  clusterArn: {
    term: '--cluster-arn <arn>',
    description: 'with --identity: the EKS cluster (default: what the kubeconfig calls it)',
    accepted: 'arn:aws:eks:REGION:ACCOUNT:cluster/NAME',
    parse: parseClusterArn,
  },
  region: {
    term: '--region <name>',
    description:
      'with --identity: where pods look for buckets (default: what they are annotated with, else the region of the cluster)',
    accepted: 'as eu-west-1',
    parse: parseAWSRegion,
  },
} as const

/** --source is also a flag of --delivery. */
const flags = {
  ...ownFlags,
  source: {
    term: '--source <s3://…/>',
    description: '',
    accepted: 's3://bucket/prefix/, s3://bucket/key',
    parse: parseS3Source,
    many: true,
  },
} as const

export interface IdentityOptions {
  readonly identity?: string
}

export function addIdentityOptions(command: Command): Command {
  return addFlags(command, ownFlags)
}

/** Problems of identity flags without --identity. */
export function strayIdentityOptions(command: Command): readonly string[] {
  const options = command.opts<Readonly<Record<string, unknown>>>()
  return [
    ...problemIf(
      options.identity !== undefined && options.delivery !== undefined,
      '--identity and --delivery are two checks: run one after the other',
    ),
    ...Object.entries(ownFlags)
      .filter(([key]) => key !== 'identity' && options[key] !== undefined)
      .map(([, { term }]) => `${term} belongs to --identity`),
  ]
}

/** Reports all option problems at once, before any request. */
export async function checkServiceAccount(command: Command, otherProblems: readonly string[]): Promise<IdentityReport> {
  const options = command.opts<ClusterOptions & { namespace?: string; serverUrl?: string }>()
  const { values, problems } = parseFlags(flags, ['identity'], command.opts())
  const all = [
    ...problems,
    ...problemIf(options.namespace !== undefined, '--namespace is the first part of --identity'),
    ...problemIf(options.serverUrl !== undefined, '--server-url is about the webhook, and --identity is not'),
    ...otherProblems,
  ]
  if (all.length > 0) fail(all, command)
  const { identity, role, credentials, clusterArn: cluster, region, source: sources, other: others } = values
  const named: NamedIdentity = { ...identity, role, credentials, cluster, region, sources, others }
  // The AWS SDK takes longer to load than everything else that checks need.
  const { checkIdentity } = await import('../../check/identity/check-identity.ts')
  return checkIdentity(named, await readFacts(named, options), regionOfEnvironment())
}

function regionOfEnvironment(): string | undefined {
  return [process.env.AWS_REGION, process.env.AWS_DEFAULT_REGION].find(
    (region) => region !== undefined && region !== '',
  )
}

/** Without a kubeconfig, flags have to suffice; a kubeconfig named explicitly has to be readable. */
async function readFacts(named: NamedIdentity, options: ClusterOptions): Promise<AccountFacts> {
  if (isAllNamed(named)) return unknownAccountFacts('everything is named')
  try {
    return await useCluster(options, (cluster) => readAccountFacts(cluster, named))
  } catch (error) {
    const isMissing =
      error instanceof AppError &&
      error.code === 'KubeconfigUnreadable' &&
      options.kubeconfig === undefined &&
      options.context === undefined
    if (!isMissing) throw error
    return unknownAccountFacts(error.message)
  }
}

function parseIdentity(text: string): Parsed<Identity> {
  const [, namespace = '', serviceAccount = ''] = /^([^/]*)\/([^/]*)$/.exec(text) ?? []
  return parseLabelName(namespace).ok && parseObjectName(serviceAccount).ok
    ? parsed({ namespace, serviceAccount })
    : unreadable('is not NAMESPACE/SERVICEACCOUNT')
}
