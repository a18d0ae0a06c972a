/**
 * Derives prefixes that a pod must not read from those that it does read: if a directory is named after its namespace,
 * sibling directories belong to others.
 */
import type { Identity } from '../../render/access.ts'
import type { S3Source } from '../../values/source.ts'
import { unique } from '../../values/unique.ts'

export interface ForbiddenPrefix {
  readonly bucket: string
  /** Empty for the whole bucket; a key if one object is meant. */
  readonly prefix: string
  readonly extent: S3Source['extent'] | 'bucket'
}

/** A level whose directories are named after namespaces or service accounts. */
export interface DirectoryLevel {
  readonly bucket: string
  /** Parent prefix, ending in a slash, or empty. */
  readonly parent: string
  readonly own: string
  readonly madeUp: string
}

/** The level of the namespace and, below it, that of the service account: the layouts of `render download --scope`. */
export function levelsOf({ namespace, serviceAccount }: Identity, sources: readonly S3Source[]): DirectoryLevel[] {
  const levels = sources.flatMap(({ bucket, key }) => {
    const directories = key.split('/').slice(0, -1)
    const at = directories.indexOf(namespace)
    if (at < 0) return []
    const level = (index: number, own: string, madeUp: string): DirectoryLevel => ({
      bucket,
      own,
      madeUp,
      parent: directories
        .slice(0, index)
        .map((name) => `${name}/`)
        .join(''),
    })
    const accounts =
      directories[at + 1] === serviceAccount ? [level(at + 1, serviceAccount, 'no-such-service-account')] : []
    return [level(at, namespace, 'no-such-namespace'), ...accounts]
  })
  return unique(levels, ({ bucket, parent }) => `${bucket}/${parent}`)
}

const mostNeighbours = 2

/** Existing directories are stronger evidence; a made-up one is always available and also detects wildcard rules. */
export function neighboursAt(
  { bucket, parent, own, madeUp }: DirectoryLevel,
  directories: readonly string[],
): ForbiddenPrefix[] {
  const there = directories.filter((name) => name !== own).slice(0, mostNeighbours)
  return [...there, madeUp].map((name) => ({ bucket, prefix: `${parent}${name}/`, extent: 'prefix' }))
}

export function wholeBuckets(sources: readonly S3Source[]): ForbiddenPrefix[] {
  return [...new Set(sources.map(({ bucket }) => bucket))].map((bucket) => ({ bucket, prefix: '', extent: 'bucket' }))
}

export function named({ bucket, key, extent }: S3Source): ForbiddenPrefix {
  return { bucket, prefix: key, extent }
}

export function uriOf({ bucket, prefix }: Pick<ForbiddenPrefix, 'bucket' | 'prefix'>): string {
  return `s3://${bucket}/${prefix}`
}
