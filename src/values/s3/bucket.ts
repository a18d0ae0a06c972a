/** Kinds of S3 buckets, by the reserved suffixes of their names. */

const unsupported: readonly (readonly [suffix: string, kind: string])[] = [
  ['--x-s3', 'a directory bucket (S3 Express One Zone), which takes sessions instead of signatures'],
  ['--xa-s3', 'an access point of a directory bucket, which takes sessions instead of signatures'],
  ['--ol-s3', 'an Object Lambda access point, whose bytes are not those that are listed'],
  ['--op-s3', 'an access point of S3 on Outposts'],
  ['--table-s3', 'a table bucket, which holds no objects'],
  ['.mrap', 'a multi-region access point, which takes signatures of another kind (SigV4A)'],
]

export const unsupportedBucketSuffixes = unsupported.map(([suffix]) => suffix)

/** Names the kind of a bucket that cannot be a source. The alias of an ordinary access point (`-s3alias`) can. */
export function unsupportedBucket(bucket: string): string | undefined {
  const kind = unsupported.find(([suffix]) => bucket.endsWith(suffix))?.[1]
  return kind === undefined ? undefined : `names ${kind}; copy the model to a general purpose bucket`
}
