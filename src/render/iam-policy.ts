/** The policy of a role: list and read below its prefixes, and nothing else. */
import type { S3Source } from '../values/source.ts'
import { namespacesOf, serviceAccountsOf, type ReadAccess, type Scope } from './access.ts'
import { bucketArn, clusterArn } from './arn.ts'
import { partitionOf } from '../values/s3/partition.ts'
import { explain, type Branch, type Tree } from './tree.ts'

const policyVersion = '2012-10-17'

/** Path below the source's own prefix; the values of the tags are those of the requesting pod. */
const directoryOf: Readonly<Record<Scope, string>> = {
  source: '',
  namespace: '${aws:PrincipalTag/kubernetes-namespace}/',
  'service-account': '${aws:PrincipalTag/kubernetes-namespace}/${aws:PrincipalTag/kubernetes-service-account}/',
}

export function policyDocument(statements: readonly Tree[]): Branch {
  return { Version: policyVersion, Statement: statements }
}

export function readPolicy(access: ReadAccess): Branch {
  const buckets = [...Map.groupBy(access.sources, ({ bucket }) => bucket)]
  return policyDocument([
    ...buckets.map(([bucket, sources], i) => listStatement(bucket, sources, access, sidAt('List', i))),
    readStatement(access),
    ...(access.kmsKey === undefined ? [] : [decryptStatement(access.kmsKey, access.bucketRegions)]),
  ])
}

/** Sids are unique in a policy. */
export function sidAt(word: string, index: number): string {
  return index === 0 ? word : `${word}${index + 1}`
}

function listStatement(bucket: string, sources: readonly S3Source[], access: ReadAccess, sid: string): Tree {
  const { Action, Resource, Condition } = sharedListStatement(bucket, sources, access)
  return explain('Without a prefix in the request, or with that of a neighbour, nothing is listed.', {
    Sid: sid,
    Effect: 'Allow',
    Action,
    Resource,
    Condition: { ...Condition, ...tagConditions(access) },
  })
}

/** Used in the policy of a role and in that of a bucket. */
export function sharedListStatement(
  bucket: string,
  sources: readonly S3Source[],
  { scope, cluster }: ReadAccess,
): { Action: string; Resource: string; Condition: Branch } {
  return {
    Action: 's3:ListBucket',
    Resource: bucketArn(bucket, cluster.region),
    Condition: {
      StringLike: explain('With the slash at its end: "llama" alone would be the beginning of "llama-2", too.', {
        's3:prefix': sources.flatMap((source) => listedPrefixes(source, scope)),
      }),
    },
  }
}

/** For a missing object the loader also lists below its name, to report a forgotten slash. */
function listedPrefixes({ key, extent }: S3Source, scope: Scope): string[] {
  const prefix = `${escapeVariables(key)}${extent === 'prefix' ? directoryOf[scope] : ''}`
  return extent === 'prefix' ? [prefix, `${prefix}*`] : [prefix, `${prefix}/`]
}

function readStatement(access: ReadAccess): Tree {
  return {
    Sid: 'Read',
    Effect: 'Allow',
    Action: explain(
      'No write, no delete, and no old versions: those are for people.',
      access.readsTags === true ? ['s3:GetObject', 's3:GetObjectTagging'] : 's3:GetObject',
    ),
    Resource: sharedReadResources(access),
    ...conditionOf(tagConditions(access)),
  }
}

export function sharedReadResources({
  sources,
  extraObjects: extraObjects = [],
  scope,
  cluster: { region },
}: ReadAccess): readonly string[] {
  return [
    ...sources.map(
      ({ bucket, key, extent }) =>
        `${bucketArn(bucket, region)}/${escapeVariables(key)}${extent === 'prefix' ? `${directoryOf[scope]}*` : ''}`,
    ),
    ...extraObjects.map(({ bucket, key }) => `${bucketArn(bucket, region)}/${escapeVariables(key)}`),
  ]
}

function conditionOf(conditions: Branch): Branch {
  return Object.keys(conditions).length === 0 ? {} : { Condition: conditions }
}

/** Only EKS Pod Identity sets tags; a variable of a missing tag matches nothing, which denies. */
function tagConditions(access: ReadAccess): Branch {
  if (access.trust.kind !== 'pod-identity') return {}
  return { StringEquals: { ...clusterTag(access), ...identityTags(access, 'aws:PrincipalTag') } }
}

function clusterTag({ cluster }: ReadAccess): Branch {
  return {
    'aws:PrincipalTag/eks-cluster-arn': explain('Namespaces are unique within one cluster only.', clusterArn(cluster)),
  }
}

/** The other scopes have the names in the path. */
export function identityTags(access: ReadAccess, key: 'aws:PrincipalTag' | 'aws:RequestTag'): Branch {
  if (access.scope !== 'source') return {}
  return {
    [`${key}/kubernetes-namespace`]: oneOrMany(namespacesOf(access)),
    [`${key}/kubernetes-service-account`]: oneOrMany(serviceAccountsOf(access)),
  }
}

export function oneOrMany(values: readonly string[]): Tree {
  const [first, ...others] = values
  return first !== undefined && others.length === 0 ? first : values
}

function decryptStatement(key: string, regions: readonly string[]): Tree {
  return {
    Sid: 'Decrypt',
    Effect: 'Allow',
    Action: 'kms:Decrypt',
    Resource: key,
    Condition: explain('Only on the way through S3, never by a call of its own.', {
      StringEquals: {
        'kms:ViaService': oneOrMany(regions.map((region) => `s3.${region}.${partitionOf(region).domain}`)),
      },
    }),
  }
}

/** A key may contain a dollar sign, and IAM would read `${aws:username}` as a variable. */
function escapeVariables(key: string): string {
  return key.replaceAll('$', '${$}')
}
