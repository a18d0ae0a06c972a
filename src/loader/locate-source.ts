/** Resolves where the source is, or refuses the environment that says so. */
import { locateBucket, type BucketLocation } from '../s3/location.ts'
import type { Addressing } from '../values/s3/endpoint.ts'
import type { Environment, LoadTask } from './environment.ts'
import { LoaderFailure } from './exit-codes.ts'

type Located = Pick<LoadTask, 'source' | 'region' | 'endpoint'> & {
  readonly addressing?: Addressing | undefined
  readonly requesterPays?: boolean | undefined
}

export function locateSource(
  { source, region, endpoint, addressing, requesterPays }: Located,
  env: Environment,
): BucketLocation {
  const location = locateBucket(source.bucket, { region, endpoint, addressing, requesterPays }, env)
  if (location.ok) return location.value
  throw new LoaderFailure('InvalidEnvironment', location.problem, {
    remedy: "correct the source, its region and endpoint, or the loader's environment in the operator's configuration",
  })
}
