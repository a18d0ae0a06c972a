/** A bucket for models: versioned, private, with a copy in another region. */
import type { S3Source } from '../values/source.ts'
import { bucketArn } from './arn.ts'
import { partitionOf } from '../values/s3/partition.ts'
import { policyDocument } from './iam-policy.ts'
import type { Stack } from './rendering.ts'
import { explain, type Branch, type Tree } from './tree.ts'

export interface BucketPlan {
  readonly bucket: string
  readonly region: string
  readonly kmsKey?: string | undefined
  /** Days after which replaced or deleted versions are removed for good. */
  readonly oldVersionsDays: number
  readonly replica?: ReplicaPlan | undefined
}

interface ReplicaPlan {
  readonly bucket: string
  readonly region: string
  readonly kmsKey?: string | undefined
}

export function bucketNameOf([source]: readonly S3Source[]): string {
  return source?.bucket ?? ''
}

/** The replica's stack comes first: a bucket cannot replicate to one that does not exist. */
export function bucketStacks(plan: BucketPlan): Stack[] {
  const { replica, oldVersionsDays } = plan
  const main: Stack = {
    name: 'bucket',
    description: 'The bucket that models are published in.',
    region: plan.region,
    resources: {
      ...bucketWithPolicy(plan, replica === undefined ? {} : replication(plan, replica)),
      ...(replica === undefined ? {} : { ReplicationRole: replicationRole(plan, replica) }),
    },
  }
  if (replica === undefined) return [main]
  return [
    {
      name: 'bucket-replica',
      description: 'The copy of the bucket of models in another region; deployed before the bucket.',
      region: replica.region,
      resources: bucketWithPolicy({ ...replica, oldVersionsDays }, {}),
    },
    main,
  ]
}

function bucketWithPolicy(plan: BucketPlan, more: Branch): Record<string, Tree> {
  return { Bucket: bucketResource(plan, more), BucketPolicy: tlsOnly(plan) }
}

function bucketResource({ bucket, kmsKey, oldVersionsDays }: BucketPlan, more: Branch): Tree {
  return {
    Type: 'AWS::S3::Bucket',
    DeletionPolicy: explain('Models outlive the stack that made their bucket.', 'Retain'),
    UpdateReplacePolicy: 'Retain',
    Properties: {
      BucketName: bucket,
      VersioningConfiguration: explain(
        'Objects overwritten or deleted by mistake can be restored; replication needs it, too.',
        { Status: 'Enabled' },
      ),
      LifecycleConfiguration: { Rules: lifecycleRules(oldVersionsDays) },
      BucketEncryption: { ServerSideEncryptionConfiguration: [encryption(kmsKey)] },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      OwnershipControls: explain('No access lists: policies alone decide.', {
        Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }],
      }),
      ...more,
    },
  }
}

function lifecycleRules(days: number): readonly Tree[] {
  return [
    {
      Id: 'old-versions',
      Status: 'Enabled',
      NoncurrentVersionExpiration: explain(
        `Versions that were replaced or deleted go after ${days} days; the current one never does.`,
        { NoncurrentDays: days },
      ),
      ExpiredObjectDeleteMarker: explain('A delete marker with nothing below it only slows listings down.', true),
    },
    {
      Id: 'unfinished-uploads',
      Status: 'Enabled',
      AbortIncompleteMultipartUpload: explain('Parts of unfinished uploads are paid for, and no listing shows them.', {
        DaysAfterInitiation: 7,
      }),
    },
  ]
}

function encryption(kmsKey: string | undefined): Tree {
  if (kmsKey === undefined) return { ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }
  return {
    ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: kmsKey },
    BucketKeyEnabled: explain(
      'One call to KMS for many objects: a hundred loaders that start together are not throttled.',
      true,
    ),
  }
}

function tlsOnly({ bucket, region }: BucketPlan): Tree {
  return {
    Type: 'AWS::S3::BucketPolicy',
    Properties: {
      Bucket: { Ref: 'Bucket' },
      PolicyDocument: policyDocument([tlsOnlyStatement(bucketArn(bucket, region))]),
    },
  }
}

export function tlsOnlyStatement(arn: string): Tree {
  return explain('No model is read over plain HTTP.', {
    Sid: 'TLSOnly',
    Effect: 'Deny',
    Principal: '*',
    Action: 's3:*',
    Resource: [arn, `${arn}/*`],
    Condition: { Bool: { 'aws:SecureTransport': 'false' } },
  })
}

function replication({ kmsKey }: BucketPlan, replica: ReplicaPlan): Branch {
  return {
    ReplicationConfiguration: {
      Role: { 'Fn::GetAtt': ['ReplicationRole', 'Arn'] },
      Rules: [
        {
          Id: 'all',
          Status: 'Enabled',
          Priority: 1,
          Filter: { Prefix: '' },
          DeleteMarkerReplication: explain('Objects deleted here by mistake stay there.', { Status: 'Disabled' }),
          ...(kmsKey === undefined
            ? {}
            : {
                SourceSelectionCriteria: explain('Without it objects that KMS encrypts are left out without a word.', {
                  SseKmsEncryptedObjects: { Status: 'Enabled' },
                }),
              }),
          Destination: {
            Bucket: bucketArn(replica.bucket, replica.region),
            ...(replica.kmsKey === undefined ? {} : { EncryptionConfiguration: { ReplicaKmsKeyID: replica.kmsKey } }),
          },
        },
      ],
    },
  }
}

function replicationRole(plan: BucketPlan, replica: ReplicaPlan): Tree {
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      AssumeRolePolicyDocument: policyDocument([
        { Effect: 'Allow', Principal: { Service: 's3.amazonaws.com' }, Action: 'sts:AssumeRole' },
      ]),
      Policies: [{ PolicyName: 'replicate', PolicyDocument: replicationPolicy(plan, replica) }],
    },
  }
}

/**
 * Names buckets instead of referring to them: a reference would be circular with the bucket's own reference to the role.
 */
function replicationPolicy(plan: BucketPlan, replica: ReplicaPlan): Branch {
  const [from, to] = [bucketArn(plan.bucket, plan.region), bucketArn(replica.bucket, replica.region)]
  return policyDocument([
    { Sid: 'Source', Effect: 'Allow', Action: ['s3:GetReplicationConfiguration', 's3:ListBucket'], Resource: from },
    {
      Sid: 'Versions',
      Effect: 'Allow',
      Action: ['s3:GetObjectVersionForReplication', 's3:GetObjectVersionAcl', 's3:GetObjectVersionTagging'],
      Resource: `${from}/*`,
    },
    { Sid: 'Replicas', Effect: 'Allow', Action: ['s3:ReplicateObject', 's3:ReplicateTags'], Resource: `${to}/*` },
    ...keyStatement('Decrypt', 'kms:Decrypt', plan.kmsKey, plan.region),
    ...keyStatement('Encrypt', 'kms:Encrypt', replica.kmsKey, replica.region),
  ])
}

function keyStatement(sid: string, action: string, key: string | undefined, region: string): readonly Tree[] {
  if (key === undefined) return []
  return [
    {
      Sid: sid,
      Effect: 'Allow',
      Action: action,
      Resource: key,
      Condition: { StringEquals: { 'kms:ViaService': `s3.${region}.${partitionOf(region).domain}` } },
    },
  ]
}
