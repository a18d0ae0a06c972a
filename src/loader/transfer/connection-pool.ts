/**
 * A pool of connections on one thread that works off a queue of parts: the same code in the main thread and in a worker. It
 * ends no process and rejects no promise: every outcome goes through its reports.
 */
import { createSecureContext } from 'node:tls'
import { backoffMs } from '../backoff.ts'
import { loadCrc, type CrcAlgorithm, type RunningCrc } from './crc.ts'
import { fetchPart, type Fetched, type PartState } from './fetch-part.ts'
import { S3Connection } from './s3-connection.ts'
import { partFiles } from './part-file.ts'
import type { PoolSettings, VersionedCredentials, PartDone, PartJob } from './part-job.ts'
import { MalformedAnswer } from './response.ts'
import type { Fault } from './s3-error.ts'
import { startThrottle } from './throttle.ts'
import { networkError, TransferError } from './transfer-error.ts'

export interface PoolReports {
  done(parts: readonly PartDone[]): void
  /** Bytes received; negative where bytes have to be fetched again. */
  progress(bytes: number): void
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

/** Time in which results are batched: a message to another thread costs as much as a small object. */
const batchMs = 4
const longestCheckMs = 1000
/** Connections opened before there is work; the others connect when there is work for them. */
const aheadConnections = 4
const longestConnectMs = 10_000
/** Bytes after which an attempt does not count as failed: a large part survives a flaky network. */
const worthwhileBytes = 1024 * 1024

interface Part extends PartState {
  tries: number
  receivedBefore: number
}

export class LocalPool implements ConnectionPool {
  readonly #settings: PoolSettings
  readonly #reports: PoolReports
  readonly #files
  readonly #throttle
  readonly #connections: S3Connection[]
  readonly #idle: S3Connection[]
  readonly #queue: Part[] = []
  readonly #waiting = new Set<NodeJS.Timeout>()
  readonly #crcs = new Map<CrcAlgorithm, () => RunningCrc>()
  readonly #stopped = new AbortController()
  readonly #checker: NodeJS.Timeout
  #outbox: PartDone[] = []
  #bytes = 0
  #flush: NodeJS.Timeout | undefined
  #credentials: VersionedCredentials = { generation: -1, value: undefined }
  #expired = -1

  constructor(settings: PoolSettings, reports: PoolReports) {
    const { origin, connections, idleLimitMs } = settings
    this.#settings = settings
    this.#reports = reports
    this.#files = partFiles(settings.fileMode)
    this.#throttle = startThrottle(connections)
    const secureContext =
      origin.protocol === 'https:' ? createSecureContext(origin.ca === undefined ? {} : { ca: origin.ca }) : undefined
    const options = { origin, secureContext, idleLimitMs, connectLimitMs: Math.min(idleLimitMs, longestConnectMs) }
    this.#connections = Array.from({ length: connections }, () => new S3Connection(options))
    this.#idle = [...this.#connections]
    this.#checker = setInterval(
      () => {
        this.#check()
      },
      Math.min(longestCheckMs, idleLimitMs / 4),
    )
  }

  /** Opens a few connections while the listing is still under way. */
  connect(): void {
    if (this.#settings.origin.proxy !== undefined) return
    for (const connection of this.#idle.slice(-aheadConnections)) connection.connect()
  }

  add(jobs: readonly PartJob[]): void {
    this.#prepare(jobs).then(
      () => {
        this.#enqueue(jobs)
      },
      (error: unknown) => {
        this.#fail(error)
      },
    )
  }

  use(credentials: VersionedCredentials): void {
    this.#credentials = credentials
    this.#pump()
  }

  stop(): Promise<void> {
    this.#stopped.abort()
    clearInterval(this.#checker)
    clearTimeout(this.#flush)
    for (const timer of this.#waiting) clearTimeout(timer)
    for (const connection of this.#connections) connection.close()
    return Promise.resolve()
  }

  async #prepare(jobs: readonly PartJob[]): Promise<void> {
    for (const { crc } of jobs) {
      if (crc !== 'none' && !this.#crcs.has(crc)) this.#crcs.set(crc, await loadCrc(crc))
    }
  }

  #enqueue(jobs: readonly PartJob[]): void {
    for (const job of jobs) {
      const crc = job.crc === 'none' ? undefined : this.#crcs.get(job.crc)?.()
      this.#queue.push({ job, crc, received: 0, receivedBefore: 0, checksums: {}, tries: 0 })
    }
    this.#pump()
  }

  #pump(): void {
    while (this.#canStart()) {
      const connection = this.#idle.pop()
      const part = this.#queue.shift()
      if (connection !== undefined && part !== undefined) void this.#work(connection, part)
    }
  }

  #canStart(): boolean {
    if (this.#stopped.signal.aborted || this.#expired === this.#credentials.generation) return false
    const busy = this.#connections.length - this.#idle.length
    return this.#queue.length > 0 && this.#idle.length > 0 && busy < this.#throttle.limit()
  }

  async #work(connection: S3Connection, part: Part): Promise<void> {
    const credentials = this.#credentials
    try {
      const outcome = await fetchPart(part, connection, {
        settings: this.#settings,
        credentials: credentials.value,
        files: this.#files,
        signal: this.#stopped.signal,
        onBytes: (bytes) => {
          this.#bytes += bytes
        },
      })
      if ('file' in outcome) void this.#finish(part, outcome)
      else this.#handleFault(part, outcome, credentials.generation)
    } catch (error) {
      if (connection.wasStale && isNetworkError(error)) this.#requeue(part)
      else this.#handleFault(part, faultOf(error, part.job.key), credentials.generation)
    }
    this.#idle.push(connection)
    this.#pump()
  }

  /** Syncs and reports a part; meanwhile its connection fetches the next one. */
  async #finish({ job, crc, checksums }: Part, { file }: Fetched): Promise<void> {
    try {
      if (this.#settings.sync === 'part') await file.sync()
    } catch (error) {
      this.#fail(error)
    } finally {
      file.close()
    }
    if (this.#stopped.signal.aborted) return
    const { object, offset, length, etag, crc: algorithm } = job
    const sum = crc === undefined || algorithm === 'none' ? {} : { crc: crc.value(), crcAlgorithm: algorithm }
    this.#outbox.push({ object, offset, length, etag, checksums, ...sum })
    if (this.#queue.length === 0) this.#flushSoon(0)
    else this.#flushSoon(batchMs)
  }

  #flushSoon(delayMs: number): void {
    if (this.#flush !== undefined && delayMs > 0) return
    clearTimeout(this.#flush)
    this.#flush = setTimeout(() => {
      this.#report()
    }, delayMs)
  }

  #report(): void {
    this.#flush = undefined
    if (this.#stopped.signal.aborted) return
    const [bytes, done] = [this.#bytes, this.#outbox]
    this.#bytes = 0
    this.#outbox = []
    if (bytes !== 0) this.#reports.progress(bytes)
    if (done.length > 0) this.#reports.done(done)
  }

  #check(): void {
    const now = performance.now()
    for (const connection of this.#connections) connection.check(now)
    this.#report()
    this.#pump()
  }

  #handleFault(part: Part, { error, remedy }: Fault, generation: number): void {
    if (this.#stopped.signal.aborted) return
    if (part.received - part.receivedBefore >= worthwhileBytes) part.tries = 0
    part.receivedBefore = part.received
    part.tries++
    if (remedy === 'giveUp' || part.tries >= this.#settings.retries.tries) this.#fail(error)
    else if (remedy === 'refresh') this.#waitForCredentials(part, error, generation)
    else this.#retryLater(part, error, remedy === 'slow')
  }

  #waitForCredentials(part: Part, error: TransferError, generation: number): void {
    this.#requeue(part)
    if (generation === this.#credentials.generation && this.#expired !== generation) {
      this.#expired = generation
      this.#reports.expired(error, generation)
    }
  }

  #retryLater(part: Part, error: TransferError, slow: boolean): void {
    if (slow) this.#throttle.slow(performance.now())
    this.#reports.retried(error)
    const timer = setTimeout(
      () => {
        this.#waiting.delete(timer)
        this.#requeue(part)
        this.#pump()
      },
      backoffMs(this.#settings.retries, part.tries),
    )
    this.#waiting.add(timer)
  }

  #requeue(part: Part): void {
    this.#queue.unshift(part)
  }

  #fail(error: unknown): void {
    if (this.#stopped.signal.aborted) return
    this.#report()
    void this.stop()
    this.#reports.failed(error instanceof Error ? error : new Error(String(error)))
  }
}

function isNetworkError(error: unknown): boolean {
  return error instanceof Error && !(error instanceof TransferError) && !(error instanceof MalformedAnswer)
}

/** Classifies an exception: refusals and file system errors are final, network errors are retried. */
function faultOf(error: unknown, key: string): Fault {
  if (error instanceof TransferError) return { error, remedy: 'giveUp' }
  if (error instanceof MalformedAnswer) {
    return {
      error: new TransferError(`${key}: ${error.message}`, { kind: 'protocol', key }, { cause: error }),
      remedy: 'retry',
    }
  }
  const failure = networkError(error instanceof Error ? error : new Error(String(error)), key)
  return { error: failure, remedy: failure.kind === 'tls' ? 'giveUp' : 'retry' }
}
