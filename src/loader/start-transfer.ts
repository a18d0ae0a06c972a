/** Starts the transfer threads and reports progress. */
import { availableParallelism } from 'node:os'
import type { BucketLocation } from '../s3/location.ts'
import { originOf } from '../s3/origin.ts'
import { patienceWithin } from '../s3/patience.ts'
import type { CredentialsSource } from './credentials/credentials.ts'
import { rareProblems } from './credentials/waiting.ts'
import type { LoadTask } from './environment.ts'
import { LoaderFailure } from './exit-codes.ts'
import type { Move } from './download.ts'
import type { Listing } from './listing.ts'
import { startProgressMeter } from './progress-meter.ts'
import type { Report } from './report.ts'
import { failureOf } from './s3-failure.ts'
import { startTransferThreads, type TransferOptions } from './transfer/transfer.ts'
import { statVolume } from './volume/directory.ts'
import { modesOf } from './volume/layout.ts'

/** More threads gain nothing: two fill a 10 Gbit/s line. */
const mostWorkers = 4
/** For small objects; a third of them for large ones. Each takes 0.3 MB: with 128, 10,000 objects took 170 MB. */
const connections = 96

export interface TransferSession {
  readonly task: LoadTask
  readonly location: BucketLocation
  readonly report: Report
  readonly signal: AbortSignal
  readonly giveUp: (failure: LoaderFailure) => void
  readonly patienceMs?: number | undefined
}

interface Work {
  readonly credentials: CredentialsSource | undefined
  readonly listing: Listing
  readonly verifiedBytes: number
}

export interface Transfer {
  moveFor(work: Work): Move
  stop(): Promise<void>
}

/** Threads start at once, so that they are ready when the first page is listed. */
export async function startTransfer(session: TransferSession): Promise<Transfer> {
  const { task, location } = session
  const workers = Math.min(availableParallelism(), mostWorkers)
  const started = startTransferThreads({
    origin: originOf(location, task.alsoTrusted),
    region: location.region,
    workers,
    connectionsPerWorker: Math.ceil(connections / workers),
    retries: { patienceMs: session.patienceMs ?? patienceWithin(task.timeoutSeconds) },
    stallTimeoutMs: task.stallTimeoutSeconds * 1000,
    fileMode: modesOf(task).file,
    root: task.root,
    sync: (await isInMemory(task.root)) ? 'none' : 'part',
  })
  return {
    moveFor: (work) => (jobs, onDone) => moveAll(session, work, (options) => started.move(jobs, onDone, options)),
    stop: started.stop,
  }
}

async function moveAll(
  { task, report, signal, giveUp }: TransferSession,
  { credentials, listing, verifiedBytes }: Work,
  move: (options: TransferOptions) => Promise<void>,
): Promise<void> {
  const tell = rareProblems((line) => {
    report.info(line)
  }, 'S3')
  const meter = startProgressMeter(report, listing, verifiedBytes)
  try {
    await move({
      credentials: (refresh) => (credentials === undefined ? Promise.resolve(undefined) : credentials(refresh)),
      signal,
      onProgress: meter.add,
      onRetry: (error) => {
        tell(error.message)
      },
      // A thread that stalls in a call of the file system does not end with the transfer.
      onStalled: (error) => {
        const failure = failureOf(error, task.source)
        if (failure instanceof LoaderFailure) giveUp(failure)
      },
    })
  } finally {
    meter.stop()
  }
}

/** Memory does not survive a crash, so files there are not synced (statfs(2), TMPFS_MAGIC). */
async function isInMemory(path: string): Promise<boolean> {
  return (await statVolume(path)).type === 0x01021994
}
