/** The context and the result of a download. */
import type { S3 } from '../aws/s3-api.ts'
import type { LoadTask } from './environment.ts'
import type { Listing } from './listing.ts'
import type { Manifest } from './manifest.ts'
import type { Report } from './report.ts'
import type { PartDone, PartJob } from './transfer/transfer.ts'
import type { Staging } from './volume/staging.ts'

export interface DownloadContext {
  readonly task: LoadTask
  readonly listing: Listing
  readonly manifest: Manifest | undefined
  readonly staging: Staging
  readonly s3: S3
  readonly report: Pick<Report, 'info'>
  readonly signal: AbortSignal
  /** Transfers parts; `onDone` gets each one that is in its file. */
  readonly move: (jobs: Iterable<PartJob>, onDone: (done: PartDone) => Promise<void>) => Promise<void>
}

export interface DownloadResult {
  /** Number of objects for which S3 keeps no checksum of the whole: only their sizes were checked. */
  readonly withoutChecksum: number
}
