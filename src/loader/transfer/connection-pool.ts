/**
 * A pool of connections on one thread that works off a queue of parts: the same code in the main thread and in a worker. It
 * ends no process and rejects no promise: every outcome goes through its reports.
 */
import { createSecureContext } from 'node:tls'
import { MalformedAnswer } from '../../s3/http/response.ts'
import { S3Connection } from '../../s3/http/s3-connection.ts'
import { problemOfError } from '../../s3/network-problem.ts'
import { backoffMs } from '../../s3/patience.ts'
import { S3Error } from '../../s3/s3-error.ts'
import { fetchPart, wantsChecksums, type Fetched } from './fetch-part.ts'
import { partFiles } from './part-file.ts'
import type { PoolSettings, VersionedCredentials, PartDone, PartJob } from './part-job.ts'
import { PartQueue, type QueuedPart } from './part-queue.ts'
import { ReportBuffer, type PartReports } from './report-buffer.ts'
import { shareOf } from './share.ts'
import { startThrottle } from './throttle.ts'
import { reactionTo, TransferError, transferErrorOf } from './transfer-error.ts'

export interface PoolReports extends PartReports {
  /** A failed attempt that will be repeated. */
  retried(error: Error): void
  /** Credentials of that generation are no longer accepted. */
  expired(error: Error, generation: number): void
  /** The last report of a pool. */
  failed(error: Error): void
}

export interface ConnectionPool {
  /** Sets the credentials; nothing is fetched before the first call. */
  use(credentials: VersionedCredentials): void
  add(jobs: readonly PartJob[]): void
  /** Stops the pool and leaves no socket, timer or descriptor. */
  stop(): Promise<void>
}

const longestCheckMs = 1000
/** Connections opened before there is work; the others connect when there is work for them. */
const aheadConnections = 4
const longestConnectMs = 10_000
/** Times that new credentials are tried for one part: a server may refuse whatever the agent gives. */
const mostRefusals = 3
/** Bytes after which an attempt does not count as failed: a large part survives a flaky network. */
const worthwhileBytes = 1024 * 1024

export class LocalPool implements ConnectionPool {
  readonly #settings: PoolSettings
  readonly #reports: PoolReports
  readonly #files
  readonly #throttle
  readonly #connections: S3Connection[]
  readonly #idle: S3Connection[]
  readonly #queue = new PartQueue()
  readonly #buffer: ReportBuffer
  readonly #waiting = new Set<NodeJS.Timeout>()
  readonly #stopped = new AbortController()
  readonly #checker: NodeJS.Timeout
  #credentials: VersionedCredentials = { generation: -1, value: undefined }
  #expired = -1
  #withChecksums = true
  /** Shares of the parts under way. */
  #busy = 0

  constructor(settings: PoolSettings, reports: PoolReports) {
    const { connections, idleLimitMs } = settings
    this.#settings = settings
    this.#reports = reports
    this.#buffer = new ReportBuffer(reports)
    this.#files = partFiles(settings.fileMode, settings.root)
    this.#throttle = startThrottle(connections)
    this.#connections = connectionsOf(settings)
    this.#idle = [...this.#connections]
    const check = (): void => {
      this.#check()
    }
    this.#checker = setInterval(check, Math.min(longestCheckMs, idleLimitMs / 4))
  }

  /** Opens a few connections while the listing is still under way. */
  connect(): void {
    for (const connection of this.#idle.slice(-aheadConnections)) connection.connect()
  }

  add(jobs: readonly PartJob[]): void {
    const pump = (): void => {
      this.#pump()
    }
    this.#queue.add(jobs).then(pump, (error: unknown) => {
      this.#fail(error)
    })
  }

  use(credentials: VersionedCredentials): void {
    this.#credentials = credentials
    this.#pump()
  }

  stop(): Promise<void> {
    this.#stopped.abort()
    clearInterval(this.#checker)
    this.#buffer.stop()
    for (const timer of this.#waiting) clearTimeout(timer)
    for (const connection of this.#connections) connection.close()
    this.#files.close()
    return Promise.resolve()
  }

  #pump(): void {
    while (this.#canStart()) {
      const connection = this.#idle.pop()
      const part = this.#queue.take()
      if (connection !== undefined && part !== undefined) void this.#work(connection, part)
    }
  }

  #canStart(): boolean {
    if (this.#stopped.signal.aborted || this.#expired === this.#credentials.generation) return false
    const next = this.#queue.first
    if (next === undefined || this.#idle.length === 0) return false
    return this.#busy === 0 || this.#busy + shareOf(next.job) <= this.#throttle.limit()
  }

  async #work(connection: S3Connection, part: QueuedPart): Promise<void> {
    const credentials = this.#credentials
    const withChecksums = wantsChecksums(part, this.#withChecksums)
    this.#busy += shareOf(part.job)
    try {
      const outcome = await fetchPart(part, connection, {
        settings: this.#settings,
        credentials: credentials.value,
        files: this.#files,
        onBytes: this.#buffer.addBytes,
        withChecksums,
      })
      if ('file' in outcome) void this.#finish(part, outcome)
      else if (outcome.kind === 'refused' && withChecksums) this.#askWithoutChecksums(part)
      else this.#handleError(part, transferErrorOf(outcome, part.job.key), credentials.generation)
    } catch (error) {
      if (connection.wasStale && isNetworkError(error)) this.#queue.putBack(part)
      else this.#handleError(part, errorOf(error, part.job.key), credentials.generation)
    }
    this.#busy -= shareOf(part.job)
    this.#idle.push(connection)
    this.#pump()
  }

  /** Backblaze B2 and others answer 400 or 501 to the header that asks for checksums. */
  #askWithoutChecksums(part: QueuedPart): void {
    this.#withChecksums = false
    this.#queue.putBack(part)
  }

  /** Syncs and reports a part; meanwhile its connection fetches the next one. */
  async #finish(part: QueuedPart, { file }: Fetched): Promise<void> {
    try {
      if (this.#settings.sync === 'part') await file.sync()
    } catch (error) {
      this.#fail(error)
    } finally {
      file.close()
    }
    if (this.#stopped.signal.aborted) return
    this.#buffer.addPart(doneOf(part), this.#queue.length === 0)
  }

  #check(): void {
    const now = performance.now()
    for (const connection of this.#connections) connection.check(now)
    if (!this.#stopped.signal.aborted) this.#buffer.flush()
    this.#pump()
  }

  #handleError(part: QueuedPart, error: TransferError, generation: number): void {
    if (this.#stopped.signal.aborted) return
    if (part.received - part.receivedBefore >= worthwhileBytes) part.failures = 0
    part.receivedBefore = part.received
    if (part.failures++ === 0) part.failingSinceMs = performance.now()
    const reaction = reactionTo(error.kind)
    part.refusals = reaction === 'refresh' ? part.refusals + 1 : 0
    const isHopeless = part.refusals > mostRefusals || this.#isTooLate(part)
    if (reaction === 'giveUp' || isHopeless) this.#fail(error)
    else if (reaction === 'refresh') this.#waitForCredentials(part, error, generation)
    else this.#retryLater(part, error, reaction === 'slow')
  }

  #isTooLate({ failingSinceMs }: QueuedPart): boolean {
    return performance.now() - failingSinceMs >= this.#settings.retries.patienceMs
  }

  #waitForCredentials(part: QueuedPart, error: TransferError, generation: number): void {
    this.#queue.putBack(part)
    if (generation === this.#credentials.generation && this.#expired !== generation) {
      this.#expired = generation
      this.#reports.expired(error, generation)
    }
  }

  #retryLater(part: QueuedPart, error: TransferError, slow: boolean): void {
    if (slow) this.#throttle.slow(performance.now())
    this.#reports.retried(error)
    const retry = (): void => {
      this.#waiting.delete(timer)
      this.#queue.putBack(part)
      this.#pump()
    }
    const timer = setTimeout(retry, backoffMs(this.#settings.retries, part.failures))
    this.#waiting.add(timer)
  }

  #fail(error: unknown): void {
    if (this.#stopped.signal.aborted) return
    this.#buffer.flush()
    void this.stop()
    this.#reports.failed(error instanceof Error ? error : new Error(String(error)))
  }
}

function doneOf({ job, crc, checksums }: QueuedPart): PartDone {
  const { object, offset, length, etag, crc: algorithm } = job
  const sum = crc === undefined || algorithm === 'none' ? {} : { crc: crc.value(), crcAlgorithm: algorithm }
  return { object, offset, length, etag, checksums, ...sum }
}

function connectionsOf({ origin, connections, idleLimitMs }: PoolSettings): S3Connection[] {
  const secureContext =
    origin.protocol === 'https:' ? createSecureContext(origin.ca === undefined ? {} : { ca: origin.ca }) : undefined
  const options = { origin, secureContext, idleLimitMs, connectLimitMs: Math.min(idleLimitMs, longestConnectMs) }
  return Array.from({ length: connections }, () => new S3Connection(options))
}

function isNetworkError(error: unknown): boolean {
  return ![TransferError, MalformedAnswer, S3Error].some((ours) => error instanceof ours)
}

function errorOf(error: unknown, key: string): TransferError {
  return error instanceof TransferError ? error : transferErrorOf(problemOfError(error), key, error)
}
