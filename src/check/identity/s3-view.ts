/** S3 with one set of credentials, asked with as few bytes as possible. Follows S3's redirects to the region of a bucket. */
import { attempt, type Attempt } from '../../aws/refusal.ts'
import { s3Client } from '../../s3/client.ts'
import { locateBucket, type BucketLocation } from '../../s3/location.ts'
import type { S3Credentials } from '../../s3/origin.ts'
import type { ListedObject, S3 } from '../../s3/s3.ts'

export type ReachedObject = Pick<ListedObject, 'key' | 'size' | 'archived'>

export interface S3View {
  /** Lists the first few keys that begin with the prefix. */
  list(bucket: string, prefix: string): Promise<Attempt<readonly ReachedObject[]>>
  /** Lists the first few names between the prefix and the next slash. */
  directories(bucket: string, prefix: string): Promise<Attempt<readonly string[]>>
  read(bucket: string, key: string): Promise<Attempt<void>>
  /** Region that answered for the bucket, known after the first request. */
  regionOf(bucket: string): string
}

const fewKeys = 10
/** A person waits for the answer. */
const patienceMs = 2000

/** Every bucket is first tried in `region`. */
export function s3View(region: string, credentials: S3Credentials, signal: AbortSignal): S3View {
  const regions = new Map<string, string>()
  const regionOf = (bucket: string): string => regions.get(bucket) ?? region
  const ask = async <T>(bucket: string, call: (s3: S3) => Promise<T>): Promise<Attempt<T>> => {
    const answer = await askIn(regionOf(bucket), call)
    const elsewhere = answer.ok ? undefined : answer.refusal.region
    if (elsewhere === undefined || elsewhere === regionOf(bucket)) return answer
    regions.set(bucket, elsewhere)
    return askIn(elsewhere, call)
  }
  const askIn = async <T>(name: string, call: (s3: S3) => Promise<T>): Promise<Attempt<T>> => {
    const locate = (bucket: string): BucketLocation => locateIn(name, bucket)
    const s3 = s3Client({ locate, credentials: () => Promise.resolve(credentials), signal, patienceMs })
    try {
      return await attempt(() => call(s3))
    } finally {
      s3.close()
    }
  }
  return {
    regionOf,
    list: (bucket, prefix) => ask(bucket, (s3) => s3.peek(bucket, prefix, fewKeys)),
    directories: (bucket, prefix) => ask(bucket, (s3) => s3.peekDirectories(bucket, prefix, fewKeys)),
    read: (bucket, key) => ask(bucket, (s3) => s3.readFirstByte(bucket, key)),
  }
}

function locateIn(region: string, bucket: string): BucketLocation {
  const location = locateBucket(bucket, { region, endpoint: undefined }, process.env)
  if (location.ok) return location.value
  throw new Error(location.problem)
}
