/** The trust policy of a role. */
import { namespacesOf, type ReadAccess } from './access.ts'
import { clusterArn } from './arn.ts'
import { partitionOf } from '../values/s3/partition.ts'
import { checkerStatement } from './checker-trust.ts'
import { identityTags, oneOrMany, policyDocument } from './iam-policy.ts'
import { explain, type Branch } from './tree.ts'

export function trustPolicy(access: ReadAccess): Branch {
  return policyDocument([statementOf(access), ...checkerStatements(access)])
}

function statementOf(access: ReadAccess): Branch {
  const { trust } = access
  switch (trust.kind) {
    case 'pod-identity':
      return podIdentityTrust(access)
    case 'irsa':
      return webIdentityTrust(access, trust.provider)
    case 'instance-profile':
      return { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }
  }
}

function checkerStatements(access: ReadAccess): Branch[] {
  const tags =
    access.trust.kind === 'pod-identity'
      ? { 'aws:RequestTag/eks-cluster-arn': clusterArn(access.cluster), ...identityTags(access, 'aws:RequestTag') }
      : {}
  return (access.checkers ?? [])
    .map((checker, i) => checkerStatement(checker, tags, i))
    .filter((statement) => statement !== undefined)
}

function podIdentityTrust(access: ReadAccess): Branch {
  const { accountId } = access.cluster
  return {
    Sid: 'PodIdentity',
    Effect: 'Allow',
    Principal: { Service: 'pods.eks.amazonaws.com' },
    Action: explain('TagSession, or the session has no tags and the conditions on them refuse every pod.', [
      'sts:AssumeRole',
      'sts:TagSession',
    ]),
    Condition: {
      StringEquals: {
        'aws:SourceAccount': accountId,
        ...explainedTags(access),
      },
      ArnEquals: explain('Another cluster of the account cannot hand out this role.', {
        'aws:SourceArn': clusterArn(access.cluster),
      }),
    },
  }
}

function explainedTags(access: ReadAccess): Branch {
  const [[name, value] = ['', undefined], ...others] = Object.entries(identityTags(access, 'aws:RequestTag'))
  if (value === undefined) return {}
  return {
    [name]: explain(
      'Users who may associate roles cannot give this one to another namespace or service account.',
      value,
    ),
    ...Object.fromEntries(others),
  }
}

/** The subject is the only distinction between pods here, so the only possible scope is the source. */
function webIdentityTrust(access: ReadAccess, provider: string): Branch {
  const { accountId, region } = access.cluster
  const subjects = access.identities.map(
    ({ namespace, serviceAccount }) => `system:serviceaccount:${namespace}:${serviceAccount}`,
  )
  return {
    Sid: 'WebIdentity',
    Effect: 'Allow',
    Principal: { Federated: `arn:${partitionOf(region).name}:iam::${accountId}:oidc-provider/${provider}` },
    Action: 'sts:AssumeRoleWithWebIdentity',
    Condition: {
      StringEquals: {
        [`${provider}:sub`]: explain(
          `By name and without a wildcard; ${namespacesOf(access).length === 1 ? 'another namespace' : 'other namespaces'} cannot become the role.`,
          oneOrMany(subjects),
        ),
        [`${provider}:aud`]: 'sts.amazonaws.com',
      },
    },
  }
}
