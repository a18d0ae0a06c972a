/** Checks that the session cannot read prefixes of others. */
import type { Refusal } from '../../aws/refusal.ts'
import type { Identity } from '../../render/access.ts'
import { checkSessionPrefix } from '../../render/checker-trust.ts'
import type { S3Source } from '../../values/source.ts'
import type { Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked, warning } from './checks.ts'
import { levelsOf, named, neighboursAt, uriOf, wholeBuckets, type ForbiddenPrefix } from './forbidden-prefixes.ts'
import { isAbout, isDenied, describeRefusal } from './refusals.ts'
import type { S3View } from './s3-view.ts'

export interface Isolation {
  readonly identity: Identity
  readonly sources: readonly S3Source[]
  /** Prefixes named by the operator. */
  readonly others: readonly S3Source[]
  readonly session: S3View
  /** S3 with the operator's own credentials: optional, and better at finding real neighbours to try. */
  readonly own: S3View
}

export async function checkIsolation(isolation: Isolation): Promise<readonly Finding[]> {
  const neighbours = await findNeighbours(isolation)
  const tried = await Promise.all(neighbours.map((other) => tryOther(other, isolation)))
  const buckets = await Promise.all(wholeBuckets(isolation.sources).map((bucket) => tryBucket(bucket, isolation)))
  return [...(neighbours.length === 0 ? [nothingToTry(isolation)] : judge(tried)), ...buckets]
}

function nothingToTry({ identity: { namespace }, sources }: Isolation): Finding {
  const where =
    sources.length === 0
      ? 'no source is known'
      : `no directory of ${sources.map(({ uri }) => uri).join(', ')} is named ${namespace}`
  return unchecked(
    'other-prefix',
    `${where}, so the prefixes of others are not known; name one that these pods must not read with --other s3://bucket/prefix/`,
  )
}

async function findNeighbours({ identity, sources, others, own }: Isolation): Promise<readonly ForbiddenPrefix[]> {
  const guessed = await Promise.all(
    levelsOf(identity, sources).map(async (level) => {
      const directories = await own.directories(level.bucket, level.parent)
      return neighboursAt(level, directories.ok ? directories.value : [])
    }),
  )
  return [...others.map(named), ...guessed.flat()]
}

interface Tried {
  readonly other: ForbiddenPrefix
  /** Undefined if access was refused, as it should be. */
  readonly problem: string | undefined
}

function judge(tried: readonly Tried[]): readonly Finding[] {
  const refused = tried.filter(({ problem }) => problem === undefined).map(({ other }) => uriOf(other))
  const problems = tried.flatMap(({ problem }) => problem ?? [])
  return [
    ...(problems.length === 0 ? [] : [error('other-prefix', problems.join('; '))]),
    ...(refused.length === 0 ? [] : [ok('other-prefix', `refused: ${refused.join(', ')}`)]),
  ]
}

async function tryOther(other: ForbiddenPrefix, isolation: Isolation): Promise<Tried> {
  const { bucket, prefix, extent } = other
  const listed = extent === 'object' ? undefined : await isolation.session.list(bucket, prefix)
  if (listed?.ok === true) return { other, problem: `the session lists ${uriOf(other)}` }
  if (listed !== undefined && !isDenied(listed.refusal)) {
    return { other, problem: `${uriOf(other)} could not be tried: ${describeRefusal(listed.refusal)}` }
  }
  return {
    other,
    problem: await tryReading(bucket, extent === 'object' ? prefix : await keyBelow(other, isolation), isolation),
  }
}

/** An existing key if the operator can list one; else a missing key, for which S3's answer is just as conclusive. */
async function keyBelow({ bucket, prefix }: ForbiddenPrefix, { own }: Isolation): Promise<string> {
  const listed = await own.list(bucket, prefix)
  return (
    (listed.ok ? listed.value.find(({ archived }) => !archived)?.key : undefined) ?? `${prefix}${checkSessionPrefix}`
  )
}

async function tryReading(bucket: string, key: string, { session }: Isolation): Promise<string | undefined> {
  const uri = `s3://${bucket}/${key}`
  const read = await session.read(bucket, key)
  if (read.ok || mayRead(read.refusal)) return `the session may read ${uri}`
  return isDenied(read.refusal) ? undefined : `${uri} could not be tried: ${describeRefusal(read.refusal)}`
}

/**
 * For a missing object, S3 answers 404 only to sessions that may list; other sessions that may read it get a refusal of
 * s3:ListBucket. An empty or archived object also counts as readable.
 */
function mayRead(refusal: Refusal): boolean {
  return (
    (refusal.status === 404 && refusal.code === 'NoSuchKey') ||
    refusal.status === 416 ||
    refusal.code === 'InvalidObjectState' ||
    (isDenied(refusal) && isAbout(refusal, 's3:ListBucket'))
  )
}

async function tryBucket({ bucket, prefix }: ForbiddenPrefix, { session }: Isolation): Promise<Finding> {
  const listed = await session.list(bucket, prefix)
  if (listed.ok) return warning('whole-bucket', `the session lists all of s3://${bucket}`)
  return isDenied(listed.refusal)
    ? ok('whole-bucket', `refused: s3://${bucket}`)
    : unchecked('whole-bucket', `s3://${bucket}: ${describeRefusal(listed.refusal)}`)
}
