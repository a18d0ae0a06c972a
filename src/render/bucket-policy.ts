/** The policy of a bucket for its readers: needed for a bucket in another account, and it requires TLS. */
import type { ReadAccess } from './access.ts'
import { bucketArn, roleArn } from './arn.ts'
import { tlsOnlyStatement } from './bucket.ts'
import { policyDocument, sharedListStatement, sharedReadResources } from './iam-policy.ts'
import { logicalId } from './names.ts'
import { printTreeAsJSON } from './print.ts'
import { nothing, type Rendering } from './rendering.ts'
import { quoteWord } from '../values/shell.ts'
import type { Branch, Tree } from './tree.ts'

export function renderBucketPolicy(bucket: string, region: string, readers: readonly ReadAccess[]): Rendering {
  const policy = bucketPolicy(bucket, region, readers)
  const file = `${bucket}-bucket-policy.json`
  return {
    ...nothing,
    stacks: [
      {
        name: `policy-${bucket}`.replaceAll('.', '-'),
        description: `Readers of the bucket ${bucket}; deployed after the roles.`,
        region,
        resources: {
          [logicalId('BucketPolicy', bucket)]: {
            Type: 'AWS::S3::BucketPolicy',
            Properties: { Bucket: bucket, PolicyDocument: policy },
          },
        },
      },
    ],
    commands: [
      {
        comment: `The policy of the bucket ${bucket}. A bucket has one policy, so one that is there is not overwritten: add the statements to it by hand.`,
        script: putPolicy(bucket, file),
      },
    ],
    files: [{ name: file, text: printTreeAsJSON(policy) }],
  }
}

function putPolicy(bucket: string, file: string): string {
  const name = quoteWord(bucket)
  return [
    `if aws s3api get-bucket-policy --bucket ${name} >/dev/null 2>&1; then`,
    `  echo "${bucket} has a policy; add the statements of ${file} to it" >&2`,
    '  exit 1',
    'fi',
    `aws s3api put-bucket-policy --bucket ${name} --policy file://${quoteWord(file)}`,
  ].join('\n')
}

function bucketPolicy(bucket: string, region: string, readers: readonly ReadAccess[]): Branch {
  return policyDocument([
    ...readers.flatMap((access, i) => readerStatements(bucket, access, i)),
    tlsOnlyStatement(bucketArn(bucket, region)),
  ])
}

function readerStatements(bucket: string, access: ReadAccess, index: number): readonly Tree[] {
  const sources = access.sources.filter((source) => source.bucket === bucket)
  const principal = { Principal: { AWS: roleArn(access.cluster, access.role) } }
  return [
    { Sid: `List${index + 1}`, Effect: 'Allow', ...principal, ...sharedListStatement(bucket, sources, access) },
    {
      Sid: `Read${index + 1}`,
      Effect: 'Allow',
      ...principal,
      Action: 's3:GetObject',
      Resource: sharedReadResources({ ...access, sources, extraObjects: [] }),
    },
  ]
}
