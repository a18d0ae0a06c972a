/** One set of credentials for all crews: fetched once at the start, once per expiry, and looked at now and then. */
import type { KeptCredentials, TransferCredentials } from './part-job.ts'

export type CredentialsSource = (forceRefresh: boolean) => Promise<TransferCredentials | undefined>

export interface KeeperReports {
  renewed(credentials: KeptCredentials): void
  failed(error: unknown): void
}

export interface CredentialsKeeper {
  readonly first: KeptCredentials
  /** Refreshes unless a newer generation is there already; what it leads to is reported. */
  expired(error: Error, generation: number): void
  /** True while everybody waits for the source, which has its own deadlines. */
  isRefreshing(): boolean
}

/** The source renews what is about to expire by itself; it only has to be asked. */
const lookMs = 30_000

/** Until the signal. */
export async function keepCredentials(
  source: CredentialsSource,
  reports: KeeperReports,
  signal: AbortSignal,
): Promise<CredentialsKeeper> {
  const first: KeptCredentials = { generation: 0, value: await source(false) }
  let current = first
  let refreshing = false

  function renew(value: TransferCredentials | undefined): void {
    if (signal.aborted) return
    current = { generation: current.generation + 1, value }
    reports.renewed(current)
  }

  async function refresh(error: Error): Promise<void> {
    refreshing = true
    try {
      const value = await source(true)
      // S3 has just said that these have expired: asking with them again could only go round in circles.
      if (areSame(value, current.value)) throw error
      renew(value)
    } catch (failure) {
      if (!signal.aborted) reports.failed(failure)
    } finally {
      refreshing = false
    }
  }

  async function look(): Promise<void> {
    // Those in use may be good for long: a failure now is none until S3 refuses them.
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

function areSame(a: TransferCredentials | undefined, b: TransferCredentials | undefined): boolean {
  return (
    a?.accessKeyId === b?.accessKeyId &&
    a?.secretAccessKey === b?.secretAccessKey &&
    a?.sessionToken === b?.sessionToken
  )
}
