import t from 'tap'
import {
  parseAccountId,
  parseAWSRegion,
  parseClusterName,
  parseCron,
  parseFileSystemId,
  parseImageDigest,
  parseInstanceType,
  parseKeyArn,
  parseKubernetesVersion,
  parseOidcProvider,
  parseOrigin,
  parseParentImage,
  parseRepository,
  parseS3Prefix,
  parseSecretArn,
  parseSizeOf,
  parseSubnetId,
  parseTag,
  parseWhole,
} from '../../../src/render/parse-aws-names.ts'
import type { Parsed } from '../../../src/values/parsed.ts'

const digest = `sha256:${'2d'.repeat(32)}`

const cases: Readonly<
  Record<
    string,
    {
      readonly parse: (text: string) => Parsed<unknown>
      readonly good: readonly string[]
      readonly bad: readonly string[]
    }
  >
> = {
  'an account id has 12 digits': {
    parse: parseAccountId,
    good: ['111122223333'],
    bad: ['', '11112222333', '1111222233334', '11112222333x', '111122223333\n'],
  },
  'a region is one of AWS': {
    parse: parseAWSRegion,
    good: ['eu-west-1', 'us-gov-west-1', 'ap-southeast-5', 'cn-north-1', 'eusc-de-east-1'],
    bad: ['', 'auto', 'eu-west', 'EU-WEST-1', 'eu-west-1a'],
  },
  'the name of a cluster': {
    parse: parseClusterName,
    good: ['prod', 'Prod_1-a'],
    bad: ['', '-prod', 'a b', 'a'.repeat(101)],
  },
  'the ARN of a key': {
    parse: parseKeyArn,
    good: [
      'arn:aws:kms:eu-west-1:111122223333:key/0b0e5c1e-3c1f-4a2b-9a55-0123456789ab',
      'arn:aws-cn:kms:cn-north-1:111122223333:key/mrk-1',
    ],
    bad: ['alias/x', 'arn:aws:kms:eu-west-1:111122223333:alias/x', '0b0e5c1e'],
  },
  'the ARN of a secret with its last six characters': {
    parse: parseSecretArn,
    good: ['arn:aws:secretsmanager:eu-west-1:111122223333:secret:fsx/svm-AbCdEf'],
    bad: ['arn:aws:secretsmanager:eu-west-1:111122223333:secret:svm', 'svm-AbCdEf'],
  },
  'the id of a file system': {
    parse: parseFileSystemId,
    good: ['fs-01234567', 'fs-0123456789abcdef0'],
    bad: ['fs-1', 'fs-0123456789ABCDEF0', 'subnet-01234567'],
  },
  'the id of a subnet': { parse: parseSubnetId, good: ['subnet-01234567'], bad: ['subnet-', 'sg-01234567'] },
  'an OIDC provider, with its scheme or without': {
    parse: parseOidcProvider,
    good: ['https://oidc.eks.eu-west-1.amazonaws.com/id/ABC', 'oidc.eks.eu-west-1.amazonaws.com/id/ABC'],
    bad: ['', 'http://x', 'a b', 'oidc.eks/id/$x'],
  },
  'a prefix, no object': {
    parse: parseS3Prefix,
    good: ['s3://my-bucket/a/', 's3://my-bucket/a/*'],
    bad: ['s3://my-bucket/a', 's3://my-bucket/', 'pvc://a', 'a'],
  },
  'a schedule': {
    parse: parseCron,
    good: ['*/15 * * * *', '0 4 1,15 * 1-5', '30 2 ? JAN MON'],
    bad: ['', '* * * *', '* * * * * *', '@daily', '$(x) * * * *'],
  },
  'a tag': { parse: parseTag, good: ['status=published', 'a='], bad: ['status', '=x'] },
  'an image with its digest': {
    parse: parseImageDigest,
    good: [`registry.example.com/a/b@${digest}`],
    bad: ['registry.example.com/a/b:1', `registry.example.com/a@${digest}#x`, 'a'],
  },
  'a repository with its registry': {
    parse: parseRepository,
    good: ['registry.example.com/a/b', 'localhost:5000/a', '111122223333.dkr.ecr.eu-west-1.amazonaws.com/a'],
    bad: [
      'a',
      'registry.example.com/a:1',
      'registry.example.com/A',
      `registry.example.com/a@${digest}`,
      'registry.example.com/a,push=false',
    ],
  },
  'an instance type': {
    parse: parseInstanceType,
    good: ['m7i.xlarge', 'g6.2xlarge', 'p5en.48xlarge', 'u7i-12tb.224xlarge', 'm7i.metal-24xl', 't4g.small'],
    bad: ['m7i', 'xlarge', 'm7i.huge'],
  },
  'a version of Kubernetes': { parse: parseKubernetesVersion, good: ['1.34'], bad: ['1.34.2', 'v1.34', '1'] },
  'a parent image': {
    parse: parseParentImage,
    good: ['ami-01234567', 'ssm:/aws/service/eks/x'],
    bad: ['ami-x', 'ssm:', '/aws/service', 'ssm:/a b'],
  },
  'the origin of a claim or a path': {
    parse: parseOrigin,
    good: ['pvc://llama=s3://my-bucket/llama/', 'node:///opt/a=b=s3://my-bucket/x'],
    bad: ['pvc://llama', 's3://my-bucket/a/=s3://my-bucket/b/', 'pvc://llama=s3://b', '=s3://my-bucket/b/'],
  },
  'how large a claim or a path is': {
    parse: parseSizeOf,
    good: ['pvc://llama=20Gi', 'node:///opt/a=5Gi'],
    bad: ['pvc://llama', 'pvc://llama=much', 'pvc://llama=0', 'oci://a=1Gi'],
  },
  'a number in its bounds': { parse: parseWhole(1, 10), good: ['1', '10'], bad: ['0', '11', '1.5', '-1', 'x', ''] },
}

for (const [name, { parse, good, bad }] of Object.entries(cases)) {
  t.test(name, (t) => {
    for (const text of good) t.ok(parse(text).ok, text)
    for (const text of bad) t.notOk(parse(text).ok, JSON.stringify(text))
    t.end()
  })
}

t.test('a claim is filled as a whole, whatever path the source has', (t) => {
  t.match(parseOrigin('pvc://llama/versions/1=s3://my-bucket/llama/'), {
    ok: true,
    value: { uri: 'pvc://llama', source: { uri: 's3://my-bucket/llama/' } },
  })
  t.end()
})
