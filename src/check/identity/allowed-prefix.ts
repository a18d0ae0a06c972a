/** Checks that the session reaches what pods request: the region, the listing, a non-empty prefix and one object. */
import type { Attempt, Refusal } from '../../aws/refusal.ts'
import type { ReachedObject } from './s3-view.ts'
import type { S3Source } from '../../values/source.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked } from './checks.ts'
import { deciderRemedy, isAbout, isDenied, noAnswerRemedy, describeRefusal } from './refusals.ts'
import type { S3View } from './s3-view.ts'

export interface RequestedSource {
  readonly source: S3Source
  /** Region that pods use for the bucket; undefined if unknown. */
  readonly region: string | undefined
}

export interface PrefixContext {
  readonly session: S3View
  /** Annotation prefix, for remedies. */
  readonly annotationPrefix: string
  /** Command that renders the correct policy; undefined if its input is incomplete. */
  readonly renderCommand: ((source: S3Source) => string) | undefined
}

export async function checkAllowedPrefix(
  requested: RequestedSource,
  context: PrefixContext,
): Promise<readonly Finding[]> {
  const { bucket, key } = requested.source
  const listed = await context.session.list(bucket, key)
  const hasAnswer = listed.ok || isDenied(listed.refusal)
  return [
    ...(hasAnswer ? [judgeRegion(requested, context)] : []),
    ...(listed.ok
      ? await checkListed(requested.source, listed.value, context)
      : [judgeListing(requested.source, listed.refusal, context)]),
  ]
}

function judgeRegion(
  { source: { bucket }, region }: RequestedSource,
  { session, annotationPrefix }: PrefixContext,
): Finding {
  const actual = session.regionOf(bucket)
  if (region === undefined) {
    return unchecked(
      'bucket-region',
      `${bucket} is in ${actual}; in which region pods look is not known, name it with --region`,
    )
  }
  if (actual === region) return ok('bucket-region', `${bucket} is in ${region}`)
  return error(
    'bucket-region',
    `${bucket} is in ${actual}, and pods look in ${region}`,
    `set the annotation ${annotationPrefix}region: ${actual} on the pods`,
  )
}

function judgeListing(source: S3Source, refusal: Refusal, context: PrefixContext): Finding {
  const what = `${source.uri}: ${describeRefusal(refusal)}`
  if (refusal.code === 'NoSuchBucket') {
    return error(
      'prefix-listed',
      `there is no bucket ${source.bucket}`,
      'correct the name of the bucket; in another partition (China, GovCloud) it is not to be seen from here',
    )
  }
  if (refusal.status === 0) return error('prefix-listed', what, noAnswerRemedy)
  if (!isDenied(refusal)) return error('prefix-listed', what)
  return withRendering(
    error(
      'prefix-listed',
      what,
      deciderRemedy(refusal) ??
        'allow s3:ListBucket for the prefix in the policy of the role, with the tags of these pods; in another account, in that of the bucket, too',
    ),
    source,
    refusal,
    context,
  )
}

async function checkListed(
  source: S3Source,
  objects: readonly ReachedObject[],
  context: PrefixContext,
): Promise<readonly Finding[]> {
  const { uri, key, extent } = source
  const listed = ok('prefix-listed', uri)
  const models =
    extent === 'object' ? objects.filter((object) => object.key === key) : objects.filter((object) => !isMarker(object))
  const [object] = models.toSorted((a, b) => conclusiveness(b) - conclusiveness(a))
  if (object === undefined) return [listed, judgeEmpty(source, objects)]
  const filled = ok(
    'prefix-filled',
    extent === 'object'
      ? 'the object is there'
      : `${object.key.slice(key.length)}${models.length > 1 ? ' and more' : ''}`,
  )
  return [listed, filled, judgeObject(source, object, await context.session.read(source.bucket, object.key), context)]
}

/** Directory markers made by consoles; loaders skip them. */
function isMarker({ key, size }: ReachedObject): boolean {
  return key.endsWith('/') && size === 0
}

/**
 * Ranks an object by how conclusive reading it is: only a read shows if an archived object was restored, and an empty object has
 * no byte to decrypt.
 */
function conclusiveness({ archived, size }: ReachedObject): number {
  return archived ? 2 : Math.min(size, 1)
}

function judgeEmpty({ uri, key, extent }: S3Source, objects: readonly ReachedObject[]): Finding {
  if (extent === 'object' && objects.some((object) => object.key.startsWith(`${key}/`))) {
    return error(
      'prefix-filled',
      `there is no object ${uri}, but objects below ${uri}/`,
      'end the source with a slash: so it is a prefix',
    )
  }
  return error('prefix-filled', extent === 'object' ? `there is no object ${uri}` : `nothing is below ${uri}`)
}

function judgeObject(source: S3Source, { key }: ReachedObject, read: Attempt<void>, context: PrefixContext): Finding {
  if (read.ok) return ok('object-read', `the first byte of ${key}`)
  const { refusal } = read
  // S3 answers 416 to a readable object without a first byte.
  if (refusal.status === 416) return ok('object-read', `${key}, which is empty`)
  const what = `${key}: ${describeRefusal(refusal)}`
  if (refusal.code === 'InvalidObjectState') {
    return error(
      'object-read',
      `${key} is archived, and cannot be read before it is restored`,
      'restore it, or copy the model into a storage class that can be read at once; the loader ends with exit code 14',
    )
  }
  if (refusal.status === 0) return error('object-read', what, noAnswerRemedy)
  if (!isDenied(refusal)) return error('object-read', what)
  if (isAbout(refusal, 'kms:Decrypt')) {
    return error(
      'object-read',
      what,
      deciderRemedy(refusal) ??
        'allow kms:Decrypt for the key of the bucket in the policy of the role, and let the policy of the key allow its account: model-injector render download --kms-key prints it',
    )
  }
  return withRendering(
    error(
      'object-read',
      what,
      deciderRemedy(refusal) ??
        'allow s3:GetObject below the prefix in the policy of the role, with the tags of these pods; in another account, in that of the bucket, too',
    ),
    source,
    refusal,
    context,
  )
}

/** A missing Allow is fixed by the whole policy, so the command that renders it is added. */
function withRendering(
  finding: Finding,
  source: S3Source,
  refusal: Refusal,
  { renderCommand }: PrefixContext,
): Finding {
  return renderCommand === undefined || deciderRemedy(refusal) !== undefined
    ? finding
    : withCommands(finding, renderCommand(source))
}
