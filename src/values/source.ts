/** Parses the `source` annotation: the location of a model. */
import { foreignSourceProblem } from './foreign-source.ts'
import { unsupportedBucket, unsupportedBucketSuffixes } from './s3/bucket.ts'
import { objectNameExpression, parseObjectName } from './names.ts'
import { parsed, unreadable, type Parsed } from './parsed.ts'
import { absolutePathExpression, parseAbsolutePath } from './path.ts'
import { quote } from './print/printable.ts'
import { segmentExpression, type ValueForm, type ValueKind } from './value-form.ts'

export interface S3Source {
  readonly scheme: 's3'
  readonly bucket: string
  /** The key of one object, or a prefix that ends in `/`; empty for the whole bucket. */
  readonly key: string
  readonly extent: 'prefix' | 'object'
  readonly uri: string
}

export interface ClaimSource {
  readonly scheme: 'pvc'
  readonly claim: string
  readonly path: string | undefined
  readonly uri: string
}

export interface NodeSource {
  readonly scheme: 'node'
  readonly path: string
  readonly uri: string
}

export interface OciSource {
  readonly scheme: 'oci'
  readonly reference: string
  readonly path: string | undefined
  readonly uri: string
}

export type Source = S3Source | ClaimSource | NodeSource | OciSource

/** The deliveries of each scheme, the default first. */
export const deliveriesOfScheme = {
  s3: ['download', 'mountpoint'],
  pvc: ['claim'],
  node: ['node'],
  oci: ['image'],
} as const satisfies Record<Source['scheme'], readonly [string, ...string[]]>

/** Deliveries, by their names in annotations, policies, metrics and commands. */
export const deliveries = Object.values(deliveriesOfScheme).flat()
export type Delivery = (typeof deliveries)[number]

export const sourceForms =
  's3://bucket/prefix/, s3://bucket/key, pvc://claim[/path], node:///path, oci://image@sha256:HEX[#path]'

/** The names of any server: Ceph has upper case, underscores, and a tenant before a colon. AWS has fewer, see s3SourceProblem(). */
const bucketNameExpression = '(?:\\w+:)?[A-Za-z0-9][\\w.-]{1,253}[A-Za-z0-9]'
const bucketName = new RegExp(`^${bucketNameExpression}$`)
const awsBucketName = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
const digestReferenceExpression = '[\\w.-]+(?::\\d+)?(?:/[\\w.-]+)+@sha256:[0-9a-f]{64}'
const digestReference = new RegExp(`^${digestReferenceExpression}$`)

const keySegment = segmentExpression('*?')
const relativePath = `${segmentExpression()}(?:/${segmentExpression()})*/?`

/** Each form follows its parser below. */
const formOfScheme: Readonly<Record<Source['scheme'], string>> = {
  s3: `${bucketNameExpression}(?:/(?:\\*|${keySegment}(?:/${keySegment})*(?:/\\*?)?)?)?`,
  pvc: `${objectNameExpression}(?:/(?:${relativePath})?)?`,
  node: absolutePathExpression,
  oci: `${digestReferenceExpression}(?:#${relativePath})?`,
}

const sourceForm: ValueForm = {
  accepted: 's3://bucket/prefix/, pvc://, node:///, oci://image',
  expression: Object.entries(formOfScheme)
    .map(([scheme, form]) => `${scheme}://${form}`)
    .join('|'),
  leavesOpen:
    'whole buckets, bucket names that only other servers than AWS allow, keys of more than 1024 bytes, paths of nodes of more than 1024 characters',
  refused: `^pvc://[^/]{254}|^s3://[^/]*(?:${unsupportedBucketSuffixes.map((suffix) => suffix.replace('.', '\\.')).join('|')})(?:/|$)`,
}

/** Reads a source in its canonical form (`s3://b/p/*` is `s3://b/p/`). */
export function parseSource(text: string): Parsed<Source> {
  const foreign = foreignSourceProblem(text)
  if (foreign !== undefined) return unreadable(foreign)
  const [scheme, rest] = splitOnce(text, '://')
  if (rest === undefined) return unreadable('has no scheme')
  switch (scheme) {
    case 's3':
      return parseS3(rest)
    case 'pvc':
      return parseClaim(rest)
    case 'node':
      return parseNode(rest)
    case 'oci':
      return parseOci(rest)
    default:
      return unreadable(`has the unknown scheme "${scheme}"`)
  }
}

function parseS3(rest: string): Parsed<S3Source> {
  const [bucket, written = ''] = splitOnce(rest, '/')
  if (bucket.startsWith('arn:')) return unreadable('names an ARN; write the bucket by its name')
  if (!bucketName.test(bucket)) return unreadable(`has the bucket name "${bucket}", which S3 does not allow`)
  const unsupported = unsupportedBucket(bucket)
  if (unsupported !== undefined) return unreadable(unsupported)
  const key = written === '*' || written.endsWith('/*') ? written.slice(0, -1) : written
  const problem = s3KeyProblem(key)
  if (problem !== undefined) return unreadable(problem)
  return parsed({
    scheme: 's3',
    bucket,
    key,
    extent: key === '' || key.endsWith('/') ? 'prefix' : 'object',
    uri: `s3://${bucket}/${key}`,
  })
}

interface S3Limits {
  /** Undefined for AWS. */
  readonly endpoint: string | undefined
  readonly allowWholeBucket: boolean
}

/** The reason to refuse a source that another server, or another operator, would allow; undefined where there is none. */
export function s3SourceProblem(
  { bucket, key }: S3Source,
  { endpoint, allowWholeBucket }: S3Limits,
): string | undefined {
  if (endpoint === undefined && !awsBucketName.test(bucket)) {
    return `has the bucket name ${quote(bucket)}, which AWS does not allow; name the endpoint of the server that does`
  }
  return key === '' && !allowWholeBucket
    ? 'names a whole bucket; name a prefix or a key in it, or let an operator set allowWholeBucket'
    : undefined
}

function s3KeyProblem(key: string): string | undefined {
  if (key === '') return undefined
  if (/[?&]versionId=/i.test(key)) {
    return 'names a version by versionId, and objects are read as they are now; publish each version below a prefix of its own, as s3://bucket/model/1.2.3/'
  }
  if (/[*?]/.test(key)) return 'has a wildcard; only a closing /* is one, use include and exclude for the rest'
  if (Buffer.byteLength(key) > 1024) return 'has a key of more than 1024 bytes'
  return segmentsProblem(key)
}

function parseClaim(rest: string): Parsed<ClaimSource> {
  const [claim, path] = splitOnce(rest, '/')
  const name = parseObjectName(claim)
  if (!name.ok) return unreadable(`has the claim name "${claim}", which Kubernetes does not allow`)
  if (path === undefined || path === '') return parsed({ scheme: 'pvc', claim, path: undefined, uri: `pvc://${claim}` })
  const problem = segmentsProblem(path)
  if (problem !== undefined) return unreadable(problem)
  const trimmed = path.replace(/\/$/, '')
  return parsed({ scheme: 'pvc', claim, path: trimmed, uri: `pvc://${claim}/${trimmed}` })
}

function parseNode(rest: string): Parsed<NodeSource> {
  const path = parseAbsolutePath(rest)
  if (!path.ok) return unreadable('needs an absolute path after node://, as in node:///opt/models/llama')
  if (path.value === '/') return unreadable('names the whole file system of the node')
  return parsed({ scheme: 'node', path: path.value, uri: `node://${path.value}` })
}

function parseOci(rest: string): Parsed<OciSource> {
  const [reference, path] = splitOnce(rest, '#')
  if (!digestReference.test(reference)) return unreadable('needs registry/repository@sha256: and 64 hexadecimal digits')
  if (path === undefined) return parsed({ scheme: 'oci', reference, path: undefined, uri: `oci://${reference}` })
  const problem = path === '' ? 'has an empty path after #' : segmentsProblem(path)
  if (problem !== undefined) return unreadable(problem)
  const trimmed = path.replace(/\/$/, '')
  return parsed({ scheme: 'oci', reference, path: trimmed, uri: `oci://${reference}#${trimmed}` })
}

/** `a/../b` would leave its directory on disk, `a//b` has no name there. */
function segmentsProblem(path: string): string | undefined {
  if (/[\u0000-\u001f\u007f]/.test(path)) return 'has a control character'
  const segments = (path.endsWith('/') ? path.slice(0, -1) : path).split('/')
  return segments.some((segment) => segment === '' || segment === '.' || segment === '..')
    ? 'has an empty, "." or ".." segment'
    : undefined
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)]
}

export const sourceValue: ValueKind<Source> = { parse: parseSource, form: sourceForm }
