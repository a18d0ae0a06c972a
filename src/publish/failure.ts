/** Failures of the publisher: those of the loader, with remedies for a platform's admin. */
import { S3Error } from '../s3/s3-error.ts'
import { exits, LoaderFailure, type Exit } from '../loader/exit-codes.ts'
import { fileFailureOf } from '../loader/volume/file-failure.ts'

const remedies: Readonly<Partial<Record<Exit, string>>> = {
  CannotList: 'check --source, the region and --endpoint',
  Nothing: 'check --source',
  NoSpace: 'prune old versions, or enlarge the claim',
  VerificationFailed: 'it is left out; publish it under a new version',
  NoProgress: 'look at the network; the next run continues',
  ForeignFiles: 'move them away, or publish under another version',
  NotWritable: 'check the claim, and fsGroup and runAsUser of the publisher',
}

/** Failures of one version that do not affect others: its objects may be encrypted with a key of their own. */
const ofOneVersion: readonly Exit[] = [
  'Denied',
  'VerificationFailed',
  'UnsafeKeys',
  'Nothing',
  'ForeignFiles',
  'DownloadFailed',
]

export function isOfOneVersion(error: unknown): error is LoaderFailure {
  return error instanceof LoaderFailure && ofOneVersion.includes(error.exit)
}

/** A remedy more specific than that of the loader's table is kept, except one that names annotations. */
export function publishFailureOf(error: unknown): unknown {
  const failure = fileFailureOf(error)
  if (!(failure instanceof LoaderFailure)) return failure
  const region = regionOf(failure.cause)
  if (region !== undefined) {
    return new LoaderFailure(failure.exit, failure.message, {
      cause: failure,
      remedy: `set --region or AWS_REGION to ${region}`,
    })
  }
  const remedy = remedies[failure.exit]
  if (remedy === undefined || failure.remedy !== exits[failure.exit].remedy) return failure
  return new LoaderFailure(failure.exit, failure.message, { cause: failure, remedy })
}

/** Region of the bucket, if S3 reported it. */
function regionOf(cause: unknown): string | undefined {
  if (!(cause instanceof S3Error)) return undefined
  const { kind, region } = cause.problem
  return kind === 'wrongRegion' ? region : undefined
}
