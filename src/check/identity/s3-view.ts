/** S3 with one set of credentials. Follows S3's redirects to the region of a bucket. */
import type { Attempt } from '../../aws/refusal.ts'
import type { S3Credentials } from '../../aws/s3-api.ts'
import { reachCalls, type ReachCalls } from '../../aws/s3-reach.ts'

export interface S3View extends Omit<ReachCalls, 'close'> {
  /** Region that answered for the bucket, known after the first request. */
  regionOf(bucket: string): string
}

/** Every bucket is first tried in `region`. */
export function s3View(region: string, credentials: S3Credentials, signal: AbortSignal): S3View {
  const regions = new Map<string, string>()
  const regionOf = (bucket: string): string => regions.get(bucket) ?? region
  const ask = async <T>(bucket: string, call: (calls: ReachCalls) => Promise<Attempt<T>>): Promise<Attempt<T>> => {
    const answer = await askIn(regionOf(bucket), call)
    const elsewhere = answer.ok ? undefined : answer.refusal.region
    if (elsewhere === undefined || elsewhere === regionOf(bucket)) return answer
    regions.set(bucket, elsewhere)
    return askIn(elsewhere, call)
  }
  const askIn = async <T>(name: string, call: (calls: ReachCalls) => Promise<Attempt<T>>): Promise<Attempt<T>> => {
    const calls = reachCalls(name, credentials, signal)
    try {
      return await call(calls)
    } finally {
      calls.close()
    }
  }
  return {
    regionOf,
    list: (bucket, prefix) => ask(bucket, (calls) => calls.list(bucket, prefix)),
    directories: (bucket, prefix) => ask(bucket, (calls) => calls.directories(bucket, prefix)),
    read: (bucket, key) => ask(bucket, (calls) => calls.read(bucket, key)),
  }
}
