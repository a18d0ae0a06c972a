/** `model-injector render download` */
import { scopes } from '../../render/access.ts'
import {
  parseAWSRegion,
  parseBucketName,
  parseKeyArn,
  parseS3Source,
  parseWhole,
} from '../../render/parse-aws-names.ts'
import { bucketNameOf, type BucketPlan } from '../../render/bucket.ts'
import { isChecker } from '../../render/checker-trust.ts'
import type { Rendering } from '../../render/rendering.ts'
import { renderDownload } from './render.ts'
import { parsed, parseWord, unreadable, type Parsed } from '../../values/parsed.ts'
import { identitiesOf, roleNameOf, trustOf, trustProblems } from '../../render/access-flags.ts'
import { eksFlags, identityFlags, roleFlags } from '../../render/common-flags.ts'
import { parseFlags, parseSwitch, problemIf, type RawOptions, type Values } from '../../flags/flags.ts'
import type { FlagResult, RenderCommand } from '../companion.ts'

const flags = {
  source: {
    term: '--source <s3://…>',
    description: 'source of the pods: a prefix, or one object',
    accepted: 's3://bucket/prefix/, s3://bucket/key',
    parse: parseS3Source,
    many: true,
  },
  ...identityFlags,
  scope: {
    term: '--scope <what>',
    description:
      'source: the role is for these pods and reads these sources; namespace, service-account: one role for many, of whom each reads only the directory of its own name below the sources',
    accepted: scopes.join(', '),
    parse: parseWord(scopes),
    default: 'source',
  },
  ...eksFlags,
  ...roleFlags,
  checkedBy: {
    term: '--checked-by <arn>',
    description:
      'user or role that may assume the role, with the tags of these pods, to run model-injector check --identity',
    accepted: 'the ARN of a user or a role, as aws sts get-caller-identity shows it',
    parse: parseChecker,
    many: true,
  },
  createBucket: {
    term: '--create-bucket',
    description: 'also a CloudFormation template of the bucket',
    parse: parseSwitch,
  },
  oldVersionsDays: {
    term: '--old-versions-days <n>',
    description: 'with --create-bucket: days until versions that were replaced or deleted are gone for good',
    accepted: '1 to 36500',
    parse: parseWhole(1, 36_500),
    default: '90',
  },
  replicaRegion: {
    term: '--replica-region <name>',
    description: 'with --create-bucket: region of a copy of the bucket',
    accepted: 'as eu-central-1',
    parse: parseAWSRegion,
  },
  replicaBucket: {
    term: '--replica-bucket <name>',
    description: 'its name (default: that of the bucket and the region)',
    accepted: 'the name of a bucket',
    parse: parseBucketName,
  },
  replicaKmsKey: {
    term: '--replica-kms-key <arn>',
    description: 'key of the copy, required where the bucket has one',
    accepted: 'arn:aws:kms:REGION:ACCOUNT:key/ID',
    parse: parseKeyArn,
  },
} as const

const required = ['source', 'namespace', 'serviceAccount', 'accountId', 'region', 'cluster'] as const

type DownloadValues = Values<typeof flags, (typeof required)[number]>

const help = `
Examples:
  model-injector render download --source s3://my-ml-bucket/model-artifacts/my-model-1.2.3/ -n apps --service-account my-inference-app \\
    --account-id 111122223333 --region eu-west-1 --cluster prod | kubectl apply -f -
  model-injector render download --scope namespace --source s3://models/ … -o access/`

export const downloadRender: RenderCommand = {
  description:
    'ServiceAccount, IAM role with session tags, Pod Identity association; on request the bucket, and its copy in another region',
  flags,
  help,
  render: renderFromFlags,
}

function renderFromFlags(options: RawOptions): FlagResult<Rendering> {
  const { values, problems } = parseFlags(flags, required, options)
  const all = [...problems, ...(problems.length === 0 ? combinationProblems(values) : [])]
  if (all.length > 0) return { ok: false, problems: all }
  const { accountId, region, cluster: name, scope, source, kmsKey } = values
  const base = {
    cluster: { name, accountId, region },
    scope,
    identities: identitiesOf(values.namespace, values.serviceAccount),
  }
  const bucketRegion = values.bucketRegion ?? region
  const rendering = renderDownload(
    {
      ...base,
      role: values.roleName ?? roleNameOf(base),
      trust: trustOf(values),
      sources: source,
      bucketRegions: [bucketRegion],
      kmsKey,
      checkers: values.checkedBy,
    },
    values.createBucket === true ? bucketPlan(values, bucketRegion) : undefined,
  )
  return { ok: true, value: rendering }
}

function parseChecker(text: string): Parsed<string> {
  return isChecker(text) ? parsed(text) : unreadable('is neither a user nor a role')
}

function bucketPlan(values: DownloadValues, region: string): BucketPlan {
  const { source, oldVersionsDays, kmsKey, replicaRegion } = values
  const bucket = bucketNameOf(source)
  const replica =
    replicaRegion === undefined
      ? undefined
      : {
          bucket: values.replicaBucket ?? `${bucket}-${replicaRegion}`,
          region: replicaRegion,
          kmsKey: values.replicaKmsKey,
        }
  return { bucket, region, kmsKey, oldVersionsDays, replica }
}

function combinationProblems(values: DownloadValues): readonly string[] {
  return [
    ...trustProblems(values),
    ...problemIf(
      values.scope !== 'source' && values.source.some(({ extent }) => extent === 'object'),
      `--scope ${values.scope} needs a prefix, which ends in a slash, as --source`,
    ),
    ...(values.createBucket === true
      ? bucketProblems(values)
      : problemIf(values.replicaRegion !== undefined, '--replica-region belongs to --create-bucket')),
    ...replicaProblems(values),
  ]
}

function bucketProblems({
  source,
  region,
  bucketRegion,
  replicaRegion,
  replicaBucket,
}: DownloadValues): readonly string[] {
  const bucket = bucketNameOf(source)
  return [
    ...problemIf(
      new Set(source.map(({ bucket: name }) => name)).size > 1,
      '--create-bucket is for one bucket, but the sources are in several',
    ),
    ...problemIf(
      replicaRegion !== undefined && replicaRegion === (bucketRegion ?? region),
      '--replica-region is the region of the bucket itself',
    ),
    ...problemIf(
      replicaRegion !== undefined && replicaBucket === undefined && bucket.length + replicaRegion.length > 62,
      '--replica-bucket is required, because the default would be longer than 63 characters',
    ),
    ...problemIf(replicaBucket !== undefined && replicaBucket === bucket, '--replica-bucket is the bucket itself'),
  ]
}

function replicaProblems({ replicaRegion, replicaBucket, replicaKmsKey, kmsKey }: DownloadValues): readonly string[] {
  if (replicaRegion === undefined) {
    return problemIf(
      replicaBucket !== undefined || replicaKmsKey !== undefined,
      '--replica-bucket and --replica-kms-key belong to --replica-region',
    )
  }
  return problemIf(
    (kmsKey === undefined) !== (replicaKmsKey === undefined),
    '--kms-key and --replica-kms-key: the bucket and its copy have a key each, or none has',
  )
}
