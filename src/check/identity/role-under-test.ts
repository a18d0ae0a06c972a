/**
 * Determines the role of a service account, the cluster for its tags, and the sources to try: named by flags, or found in
 * the cluster.
 */
import type { Identity } from '../../render/access.ts'

import { partitionOf } from '../../values/s3/partition.ts'
import { commandInOneLine } from '../../values/shell.ts'
import type { Requirement } from '../../deliveries/shared/requirements.ts'
import type { S3Source } from '../../values/source.ts'
import { unique } from '../../values/unique.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked, warning } from './checks.ts'
import { valueOf } from '../../diagnosis/lookup.ts'
import { clusterOfContext, parseClusterArn, parseRoleArn, type ClusterArn, type RoleArn } from './arns.ts'
import type { AccountFacts } from './account-facts.ts'
import type { RequestedSource } from './allowed-prefix.ts'

type RoleCredentials = 'pod-identity' | 'irsa'

/** Values of flags; undefined or empty values are looked up in the cluster. */
export interface NamedIdentity extends Identity {
  readonly role: RoleArn | undefined
  readonly credentials: RoleCredentials | undefined
  readonly cluster: ClusterArn | undefined
  readonly region: string | undefined
  readonly sources: readonly S3Source[]
  readonly others: readonly S3Source[]
}

export interface RoleUnderTest {
  readonly credentials: RoleCredentials
  readonly role: RoleArn | undefined
  /** Undefined with IRSA, which does not need it. */
  readonly cluster: ClusterArn | undefined
  readonly requested: readonly RequestedSource[]
  readonly findings: readonly Finding[]
}

/** True if flags name everything; the cluster is not queried then. */
export function isAllNamed({ role, credentials, cluster, sources }: NamedIdentity): boolean {
  return role !== undefined && sources.length > 0 && (cluster !== undefined || credentials === 'irsa')
}

export function findRoleUnderTest(named: NamedIdentity, facts: AccountFacts): RoleUnderTest {
  const credentials = named.credentials ?? credentialsOf(named, facts)
  const { role, finding } = findRole(named, credentials, facts)
  const cluster = credentials === 'irsa' ? undefined : (named.cluster ?? findCluster(facts, role))
  const region = named.region ?? cluster?.region ?? named.cluster?.region ?? regionOfNames(facts)
  const { requested, findings } = findRequestedSources(named, credentials, region, facts)
  const clusterFindings = credentials === 'irsa' ? [] : [judgeCluster(cluster, facts)]
  return {
    credentials,
    role,
    cluster,
    requested,
    findings: [...facts.findings, finding, ...clusterFindings, ...findings],
  }
}

const roleAnnotation = 'eks.amazonaws.com/role-arn'

/** The credentials that its pods request; else the annotation, which only IRSA reads. */
function credentialsOf({ role }: NamedIdentity, facts: AccountFacts): RoleCredentials {
  const kinds = new Set(facts.requirements.map(({ credentials }) => credentials.kind))
  if (kinds.has('pod-identity')) return 'pod-identity'
  return kinds.has('irsa') || (role === undefined && annotatedRole(facts) !== undefined) ? 'irsa' : 'pod-identity'
}

function annotatedRole({ account }: AccountFacts): string | undefined {
  return valueOf(account)?.metadata.annotations?.[roleAnnotation]
}

function findRole(
  named: NamedIdentity,
  credentials: RoleCredentials,
  facts: AccountFacts,
): { readonly role: RoleArn | undefined; readonly finding: Finding } {
  const { role, namespace, serviceAccount } = named
  if (role !== undefined) return { role, finding: judgeNamedRole(named, role, facts) }
  const failed = (what: string): { role: undefined; finding: Finding } => ({
    role: undefined,
    finding: error('role-known', what),
  })
  if (facts.account.state === 'unknown') {
    return failed(`no role is named, and the service account cannot be looked at: ${facts.account.why}`)
  }
  if (credentials === 'pod-identity') return { role: undefined, finding: unknownAssociation(named, facts) }
  if (facts.account.state === 'absent') return failed(`there is no service account ${namespace}/${serviceAccount}`)
  const annotated = annotatedRole(facts)
  if (annotated === undefined) return failed(`${namespace}/${serviceAccount} has no annotation ${roleAnnotation}`)
  const parsedRole = parseRoleArn(annotated)
  if (!parsedRole.ok) {
    return failed(
      `the annotation ${roleAnnotation} of ${namespace}/${serviceAccount} ${parsedRole.problem}: ${annotated}`,
    )
  }
  return {
    role: parsedRole.value,
    finding: ok('role-known', `${annotated}, by the annotation of the service account (IRSA)`),
  }
}

function judgeNamedRole(
  { namespace, serviceAccount }: NamedIdentity,
  { arn }: RoleArn,
  { account }: AccountFacts,
): Finding {
  if (account.state !== 'absent') return ok('role-known', `${arn}, as named`)
  return warning(
    'role-known',
    `${arn}, as named; there is no service account ${namespace}/${serviceAccount}`,
    'see whether its name is right; an association may be made before it',
  )
}

function unknownAssociation({ namespace, serviceAccount, cluster }: NamedIdentity, facts: AccountFacts): Finding {
  const annotated = annotatedRole(facts)
  const other =
    annotated === undefined ? '' : `; its annotation names ${annotated}, which pods have with --credentials irsa`
  const finding = error(
    'role-known',
    `pods get the role by EKS Pod Identity, whose associations the cluster does not show${other}`,
    'name it with --role; AWS knows it',
  )
  const name = cluster?.name ?? clusterNameOf(facts)
  if (name === undefined) return finding
  const select = commandInOneLine('aws eks list-pod-identity-associations', [
    ['--cluster-name', name],
    ['--namespace', namespace],
    ['--service-account', serviceAccount],
  ])
  return withCommands(
    finding,
    `aws eks describe-pod-identity-association --cluster-name ${name} --association-id "$(${select} --query 'associations[0].associationId' --output text)" --query association.roleArn --output text`,
  )
}

function namesOf({ names }: AccountFacts): readonly Partial<ClusterArn>[] {
  return names.map(clusterOfContext)
}

function clusterNameOf(facts: AccountFacts): string | undefined {
  return namesOf(facts).find(({ name }) => name !== undefined)?.name
}

function regionOfNames(facts: AccountFacts): string | undefined {
  return namesOf(facts).find(({ region }) => region !== undefined)?.region
}

/**
 * eksctl gives name and region; the account is the role's, since an association only takes roles of the cluster's own
 * account.
 */
function findCluster(facts: AccountFacts, role: RoleArn | undefined): ClusterArn | undefined {
  const { arn, name, region } = namesOf(facts).find((part) => part.name !== undefined) ?? {}
  const made =
    arn ??
    (name === undefined || region === undefined || role === undefined
      ? ''
      : `arn:${partitionOf(region).name}:eks:${region}:${role.accountId}:cluster/${name}`)
  const result = parseClusterArn(made)
  return result.ok ? result.value : undefined
}

function judgeCluster(cluster: ClusterArn | undefined, { names }: AccountFacts): Finding {
  if (cluster !== undefined) return ok('cluster-arn', cluster.arn)
  return error(
    'cluster-arn',
    names.length === 0 ? 'it is not named' : `the context ${names.join(' of the cluster ')} does not say it`,
  )
}

function findRequestedSources(
  { sources, namespace, serviceAccount }: NamedIdentity,
  credentials: RoleCredentials,
  region: string | undefined,
  facts: AccountFacts,
): { requested: readonly RequestedSource[]; findings: readonly Finding[] } {
  if (sources.length > 0) {
    const requested = sources.map((source) => ({
      source,
      region: facts.requirements.find(({ model }) => model.source.uri === source.uri)?.model.region ?? region,
    }))
    return { requested, findings: [ok('wanted-prefix', `named: ${sources.map(({ uri }) => uri).join(', ')}`)] }
  }
  const [own, others] = [
    facts.requirements.filter((requirement) => requirement.credentials.kind === credentials),
    facts.requirements.filter((requirement) => requirement.credentials.kind !== credentials),
  ]
  const requested = unique(
    own.flatMap((requirement) => requestedSourcesOf(requirement, region)),
    (source) => `${source.source.uri} ${source.region ?? ''}`,
  )
  const findings =
    requested.length > 0
      ? [ok('wanted-prefix', requested.map(({ source }) => source.uri).join(', '))]
      : [
          error(
            'wanted-prefix',
            facts.names.length === 0
              ? 'it is not named'
              : `no pod or workload of ${namespace}/${serviceAccount} requests a model at s3:// by ${credentials}`,
          ),
        ]
  return { requested, findings: others.length === 0 ? findings : [...findings, otherwise(others)] }
}

function requestedSourcesOf({ model }: Requirement, region: string | undefined): readonly RequestedSource[] {
  return model.source.scheme === 's3' ? [{ source: model.source, region: model.region ?? region }] : []
}

function otherwise(requirements: readonly Requirement[]): Finding {
  const [first] = requirements
  return unchecked(
    'wanted-prefix',
    `other pods of it read by ${first?.credentials.kind ?? ''}: ${[...new Set(requirements.map(({ model }) => model.source.uri))].join(', ')}; try those with --credentials ${first?.credentials.kind ?? ''}`,
  )
}
