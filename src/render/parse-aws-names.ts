/** Parses names of AWS resources: values of flags that no annotation has. */
import { parsed, unreadable, type Parsed } from '../values/parsed.ts'
import { parsePositiveBytes } from '../values/quantity.ts'
import { parseSource, s3SourceProblem, type S3Source } from '../values/source.ts'

const partition = 'aws(?:-[a-z]+)*'

export const parseAccountId = matching(/^\d{12}$/, 'is not an AWS account id')
export const parseClusterName = matching(/^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$/, 'is not the name of an EKS cluster')
export const parseAWSRegion = matching(/^[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}$/, 'is not an AWS region')
export const parseKeyArn = matching(
  new RegExp(`^arn:${partition}:kms:[a-z0-9-]+:\\d{12}:key/[0-9A-Za-z-]{1,64}$`),
  'is not the ARN of a KMS key',
)
/** Trident reads the six characters that AWS appends, so it refuses an ARN without them. */
export const parseSecretArn = matching(
  new RegExp(`^arn:${partition}:secretsmanager:[a-z0-9-]+:\\d{12}:secret:[0-9A-Za-z/_+=.@-]+-[0-9A-Za-z]{6}$`),
  'is not the whole ARN of a secret',
)
export const parseFileSystemId = matching(/^fs-(?:[0-9a-f]{8}|[0-9a-f]{17})$/, 'is not the id of an FSx file system')
export const parseSubnetId = matching(/^subnet-(?:[0-9a-f]{8}|[0-9a-f]{17})$/, 'is not a subnet id')
export const parseSecurityGroupId = matching(/^sg-(?:[0-9a-f]{8}|[0-9a-f]{17})$/, 'is not a security group id')
export const parseRouteTableId = matching(/^rtb-(?:[0-9a-f]{8}|[0-9a-f]{17})$/, 'is not a route table id')
export const parseVpcId = matching(/^vpc-(?:[0-9a-f]{8}|[0-9a-f]{17})$/, 'is not a VPC id')
export const parseRoleName = matching(/^[\w+=,.@-]{1,64}$/, 'is not the name of an IAM role')
export const parseBucketName = matching(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'is not a bucket name')
export const parseSvmName = matching(
  /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,46}$/,
  'is not the name of a storage virtual machine',
)
export const parseKubernetesVersion = matching(/^1\.\d{2}$/, 'is not a minor version of Kubernetes')
export const parseInstanceType = matching(
  /^[a-z0-9-]+\.(?:\d{1,3}xlarge|nano|micro|small|medium|x?large|metal(?:-\d{1,3}xl)?)$/,
  'is not an EC2 instance type',
)
export const parseParentImage = matching(
  /^(?:ami-(?:[0-9a-f]{8}|[0-9a-f]{17})|ssm:[/\w.:-]{1,1000})$/,
  'is neither an AMI nor ssm: and a parameter',
)
/** Minute, hour, day, month, weekday. */
export const parseCron = matching(
  /^(?:[\d*/,-]+ ){2}(?:[\d*/,-]+|\?) [\dA-Za-z*/,-]+ (?:[\dA-Za-z*/,-]+|\?)$/,
  'is not a schedule of five fields',
)
export const parseTagValue = matching(/^[\p{L}\p{Z}\p{N}_.:/=+@-]{1,256}$/u, 'is not the value of a tag')
export const parseTag = matching(/^[\p{L}\p{Z}\p{N}_.:/+@-]{1,128}=[\p{L}\p{Z}\p{N}_.:/=+@-]{0,256}$/u, 'is not a tag')
export const parseRepository = matching(
  /^[a-z0-9][a-z0-9.-]*(?::\d{1,5})?(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+$/,
  'is not a repository with its registry',
)
export const parseImageTag = matching(/^\w[\w.-]{0,127}$/, 'is not a tag of an image')

/** EKS reports the issuer with its scheme; IAM names the provider without it. */
export function parseOidcProvider(text: string): Parsed<string> {
  const provider = text.replace(/^https:\/\//, '').replace(/\/$/, '')
  return /^[a-z0-9.-]+\.[a-z]+(?:\/[\w.~-]+)*$/i.test(provider)
    ? parsed(provider)
    : unreadable('is not an OIDC provider')
}

export function parseS3Source(text: string): Parsed<S3Source> {
  const source = parseSource(text)
  if (!source.ok) return source
  if (source.value.scheme !== 's3') return unreadable('is not an s3:// source')
  // Typed by hand, it is a prefix that was forgotten; from manifests it comes where the operator allows it.
  if (source.value.key === '') return unreadable('names a whole bucket; name a prefix or a key in it')
  const problem = s3SourceProblem(source.value, { endpoint: undefined, allowWholeBucket: true })
  return problem === undefined ? parsed(source.value) : unreadable(problem)
}

export function parseS3Prefix(text: string): Parsed<S3Source> {
  const source = parseS3Source(text)
  if (!source.ok || source.value.extent === 'prefix') return source
  return unreadable('names one object; a prefix ends in a slash')
}

/** The digest identifies the image; a tag can be moved. */
export function parseImageDigest(text: string): Parsed<string> {
  const source = parseSource(`oci://${text}`)
  if (!source.ok || source.value.scheme !== 'oci' || source.value.path !== undefined) {
    return unreadable('is not an image with its digest')
  }
  return parsed(source.value.reference)
}

/** The S3 prefix that a `pvc://` or `node://` source is filled from. */
export interface SourceOrigin {
  readonly uri: string
  readonly source: S3Source
}

export interface SizeOf {
  readonly uri: string
  readonly bytes: number
}

export function parseOrigin(text: string): Parsed<SourceOrigin> {
  const at = text.lastIndexOf('=s3://')
  if (at < 0) return unreadable('does not name an s3:// source after a =')
  const [uri, source] = [parseFilledSource(text.slice(0, at)), parseS3Source(text.slice(at + 1))]
  if (!uri.ok) return uri
  return source.ok ? parsed({ uri: uri.value, source: source.value }) : source
}

export function parseSizeOf(text: string): Parsed<SizeOf> {
  const at = text.lastIndexOf('=')
  if (at < 0) return unreadable('has no = followed by a quantity')
  const [uri, bytes] = [parseFilledSource(text.slice(0, at)), parsePositiveBytes(text.slice(at + 1))]
  if (!uri.ok) return uri
  return bytes.ok ? parsed({ uri: uri.value, bytes: bytes.value }) : bytes
}

/** A claim is filled as a whole, so a path in it is not accepted. */
function parseFilledSource(text: string): Parsed<string> {
  const source = parseSource(text)
  if (!source.ok) return source
  if (source.value.scheme === 'node') return parsed(source.value.uri)
  return source.value.scheme === 'pvc'
    ? parsed(`pvc://${source.value.claim}`)
    : unreadable('is neither pvc:// nor node://')
}

export function parseWhole(least: number, most: number): (text: string) => Parsed<number> {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    return value >= least && value <= most
      ? parsed(value)
      : unreadable(`is not a whole number from ${least} to ${most}`)
  }
}

function matching(pattern: RegExp, problem: string): (text: string) => Parsed<string> {
  return (text) => (pattern.test(text) ? parsed(text) : unreadable(problem))
}
