/** Registries: recognises Amazon ECR, and renders permissions and login for pulls from it. */
import { bucketArn } from './arn.ts'
import { partitionOf } from '../values/s3/partition.ts'
import { explain, type Tree } from './tree.ts'

interface EcrRepository {
  readonly accountId: string
  readonly region: string
  readonly host: string
  readonly repository: string
}

const ecrReference = /^((\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.(?:com|com\.cn|eu))\/([^:@]+)/

export function ecrRepository(reference: string): EcrRepository | undefined {
  const [, host = '', accountId = '', region = '', repository = ''] = ecrReference.exec(reference) ?? []
  return host === '' ? undefined : { host, accountId, region, repository }
}

export function pullStatements(reference: string): readonly Tree[] {
  const ecr = ecrRepository(reference)
  if (ecr === undefined) return []
  const { region, accountId, repository } = ecr
  return [
    {
      Sid: 'Login',
      Effect: 'Allow',
      Action: 'ecr:GetAuthorizationToken',
      Resource: explain('IAM knows no narrower one for this action.', '*'),
    },
    {
      Sid: 'Pull',
      Effect: 'Allow',
      Action: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchCheckLayerAvailability'],
      Resource: `arn:${partitionOf(region).name}:ecr:${region}:${accountId}:repository/${repository}`,
    },
    {
      Sid: 'Layers',
      Effect: 'Allow',
      Action: 's3:GetObject',
      Resource: `${bucketArn(`prod-${region}-starport-layer-bucket`, region)}/*`,
    },
  ]
}

/** Lines of a script; empty for registries without a password. */
export function loginLines(reference: string): readonly string[] {
  const ecr = ecrRepository(reference)
  return ecr === undefined
    ? []
    : [`aws ecr get-login-password --region ${ecr.region} | nerdctl login --username AWS --password-stdin ${ecr.host}`]
}
