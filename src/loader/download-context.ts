/** The context and the result of a download, by either engine. */
import type { S3 } from '../s3/s3.ts'
import type { CredentialsSource } from './credentials/credentials.ts'
import type { LoadTask } from './environment.ts'
import type { OpenListing } from './listing.ts'
import type { Manifest } from './verify/manifest.ts'
import type { Report } from './report.ts'
import type { Staging } from './volume/staging.ts'

export interface DownloadContext {
  readonly task: LoadTask
  readonly listing: OpenListing
  readonly manifest: Manifest | undefined
  readonly staging: Staging
  readonly s3: S3
  readonly report: Report
  readonly signal: AbortSignal
}

export interface DownloadResult {
  /** Number of objects for which S3 keeps no checksum of the whole: only their sizes were checked. */
  readonly withoutChecksum: number
}

export interface RunningEngine {
  /** True where the download begins while the listing goes on. */
  readonly takesPages: boolean
  /** Called once. Without credentials, requests are not signed. */
  download(context: DownloadContext, credentials: CredentialsSource | undefined): Promise<DownloadResult>
  stop(): Promise<void>
}
