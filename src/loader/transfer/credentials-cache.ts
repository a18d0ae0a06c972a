/** Caches one set of credentials for all pools: fetched at the start, once per expiry, and re-read periodically. */
import type { S3Credentials } from '../../s3/origin.ts'
import type { VersionedCredentials } from './part-job.ts'

export type TransferCredentialsSource = (forceRefresh: boolean) => Promise<S3Credentials | undefined>

export interface CacheReports {
  renewed(credentials: VersionedCredentials): void
  failed(error: unknown): void
}

export interface CredentialsCache {
  readonly first: VersionedCredentials
  /** Refreshes unless there is a newer generation already; the outcome is reported. */
  expired(error: Error, generation: number): void
  /** True while all pools wait for the source, which has its own deadlines. */
  isRefreshing(): boolean
}

/** Interval of re-reading the source, which itself renews credentials that are about to expire. */
const lookMs = 30_000

/** Runs until the signal aborts. */
export async function startCredentialsCache(
  source: TransferCredentialsSource,
  reports: CacheReports,
  signal: AbortSignal,
): Promise<CredentialsCache> {
  const first: VersionedCredentials = { generation: 0, value: await source(false) }
  let current = first
  let refreshing = false

  function renew(value: S3Credentials | undefined): void {
    if (signal.aborted) return
    current = { generation: current.generation + 1, value }
    reports.renewed(current)
  }

  async function refresh(error: Error): Promise<void> {
    refreshing = true
    try {
      const value = await source(true)
      // S3 has just rejected these as expired: a retry with the same ones would loop.
      if (areSame(value, current.value)) throw error
      renew(value)
    } catch (failure) {
      if (!signal.aborted) reports.failed(failure)
    } finally {
      refreshing = false
    }
  }

  async function look(): Promise<void> {
    // The current ones may still be valid: an error of the source does not matter until S3 refuses them.
    const value = await source(false).catch(() => current.value)
    if (!refreshing && !areSame(value, current.value)) renew(value)
  }

  if (!signal.aborted) {
    const timer = setInterval(() => {
      void look()
    }, lookMs)
    signal.addEventListener(
      'abort',
      () => {
        clearInterval(timer)
      },
      { once: true },
    )
  }
  return {
    first,
    expired: (error, generation) => {
      if (refreshing) return
      if (generation < current.generation) reports.renewed(current)
      else void refresh(error)
    },
    isRefreshing: () => refreshing,
  }
}

function areSame(a: S3Credentials | undefined, b: S3Credentials | undefined): boolean {
  return (
    a?.accessKeyId === b?.accessKeyId &&
    a?.secretAccessKey === b?.secretAccessKey &&
    a?.sessionToken === b?.sessionToken
  )
}
