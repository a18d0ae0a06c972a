/**
 * A few connections on one thread that work a queue of parts off: the same code in the main thread and in a worker. It ends
 * no process and rejects no promise: everything it has to say goes through its reports.
 */
import { createSecureContext } from 'node:tls'
import { backoffMs } from '../backoff.ts'
import { loadCrc, type CrcAlgorithm, type RunningCrc } from './crc.ts'
import { fetchPart, type Fetched, type PartState } from './fetch-part.ts'
import { Lane } from './s3-connection.ts'
import { partFiles } from './part-file.ts'
import type { CrewSettings, KeptCredentials, PartDone, PartJob } from './part-job.ts'
import { MalformedAnswer } from './response.ts'
import type { Fault } from './s3-error.ts'
import { startThrottle } from './throttle.ts'
import { networkError, TransferError } from './transfer-error.ts'

export interface CrewReports {
  done(parts: readonly PartDone[]): void
  /** Negative where bytes have to be fetched again. */
  progress(bytes: number): void
  /** A try failed and will be repeated. */
  retried(error: Error): void
  /** The credentials of that generation are not accepted any more. */
  expired(error: Error, generation: number): void
  /** The end: nothing more is reported. */
  failed(error: Error): void
}

export interface Crew {
  /** Nothing is fetched before. */
  use(credentials: KeptCredentials): void
  add(jobs: readonly PartJob[]): void
  /** Leaves no socket, timer or descriptor. */
  stop(): Promise<void>
}

/** Results wait for others this long: a message to another thread costs as much as a small object. */
const batchMs = 4
const longestCheckMs = 1000
/** Enough to begin with; the others connect when there is work for them. */
const aheadConnections = 4
const longestConnectMs = 10_000
/** A try that brought so much is not one that failed: a large part survives a flaky network. */
const worthwhileBytes = 1024 * 1024

interface Part extends PartState {
  tries: number
  receivedBefore: number
}

export class LocalCrew implements Crew {
  readonly #settings: CrewSettings
  readonly #reports: CrewReports
  readonly #files
  readonly #throttle
  readonly #lanes: Lane[]
  readonly #idle: Lane[]
  readonly #queue: Part[] = []
  readonly #waiting = new Set<NodeJS.Timeout>()
  readonly #crcs = new Map<CrcAlgorithm, () => RunningCrc>()
  readonly #stopped = new AbortController()
  readonly #checker: NodeJS.Timeout
  #outbox: PartDone[] = []
  #bytes = 0
  #flush: NodeJS.Timeout | undefined
  #credentials: KeptCredentials = { generation: -1, value: undefined }
  #expired = -1

  constructor(settings: CrewSettings, reports: CrewReports) {
    const { origin, connections, idleLimitMs } = settings
    this.#settings = settings
    this.#reports = reports
    this.#files = partFiles(settings.fileMode)
    this.#throttle = startThrottle(connections)
    const secureContext =
      origin.protocol === 'https:' ? createSecureContext(origin.ca === undefined ? {} : { ca: origin.ca }) : undefined
    const lane = { origin, secureContext, idleLimitMs, connectLimitMs: Math.min(idleLimitMs, longestConnectMs) }
    this.#lanes = Array.from({ length: connections }, () => new Lane(lane))
    this.#idle = [...this.#lanes]
    this.#checker = setInterval(
      () => {
        this.#check()
      },
      Math.min(longestCheckMs, idleLimitMs / 4),
    )
  }

  /** Some connections, while it is not known yet what there is to fetch. */
  connect(): void {
    if (this.#settings.origin.proxy !== undefined) return
    for (const lane of this.#idle.slice(-aheadConnections)) lane.connect()
  }

  add(jobs: readonly PartJob[]): void {
    this.#prepare(jobs).then(
      () => {
        this.#enqueue(jobs)
      },
      (error: unknown) => {
        this.#end(error)
      },
    )
  }

  use(credentials: KeptCredentials): void {
    this.#credentials = credentials
    this.#pump()
  }

  stop(): Promise<void> {
    this.#stopped.abort()
    clearInterval(this.#checker)
    clearTimeout(this.#flush)
    for (const timer of this.#waiting) clearTimeout(timer)
    for (const lane of this.#lanes) lane.close()
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
      const lane = this.#idle.pop()
      const part = this.#queue.shift()
      if (lane !== undefined && part !== undefined) void this.#work(lane, part)
    }
  }

  #canStart(): boolean {
    if (this.#stopped.signal.aborted || this.#expired === this.#credentials.generation) return false
    const busy = this.#lanes.length - this.#idle.length
    return this.#queue.length > 0 && this.#idle.length > 0 && busy < this.#throttle.limit()
  }

  async #work(lane: Lane, part: Part): Promise<void> {
    const credentials = this.#credentials
    try {
      const outcome = await fetchPart(part, lane, {
        settings: this.#settings,
        credentials: credentials.value,
        files: this.#files,
        signal: this.#stopped.signal,
        onBytes: (bytes) => {
          this.#bytes += bytes
        },
      })
      if ('file' in outcome) void this.#finish(part, outcome)
      else this.#mend(part, outcome, credentials.generation)
    } catch (error) {
      if (lane.wasStale && isOfNetwork(error)) this.#again(part)
      else this.#mend(part, faultOf(error, part.job.key), credentials.generation)
    }
    this.#idle.push(lane)
    this.#pump()
  }

  /** The connection is at the next part already while the disk takes its time. */
  async #finish({ job, crc, checksums }: Part, { file }: Fetched): Promise<void> {
    try {
      if (this.#settings.sync === 'part') await file.sync()
    } catch (error) {
      this.#end(error)
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
    for (const lane of this.#lanes) lane.check(now)
    this.#report()
    this.#pump()
  }

  #mend(part: Part, { error, remedy }: Fault, generation: number): void {
    if (this.#stopped.signal.aborted) return
    if (part.received - part.receivedBefore >= worthwhileBytes) part.tries = 0
    part.receivedBefore = part.received
    part.tries++
    if (remedy === 'giveUp' || part.tries >= this.#settings.retries.tries) this.#end(error)
    else if (remedy === 'refresh') this.#waitForCredentials(part, error, generation)
    else this.#later(part, error, remedy === 'slow')
  }

  #waitForCredentials(part: Part, error: TransferError, generation: number): void {
    this.#again(part)
    if (generation === this.#credentials.generation && this.#expired !== generation) {
      this.#expired = generation
      this.#reports.expired(error, generation)
    }
  }

  #later(part: Part, error: TransferError, slow: boolean): void {
    if (slow) this.#throttle.slow(performance.now())
    this.#reports.retried(error)
    const timer = setTimeout(
      () => {
        this.#waiting.delete(timer)
        this.#again(part)
        this.#pump()
      },
      backoffMs(this.#settings.retries, part.tries),
    )
    this.#waiting.add(timer)
  }

  #again(part: Part): void {
    this.#queue.unshift(part)
  }

  #end(error: unknown): void {
    if (this.#stopped.signal.aborted) return
    this.#report()
    void this.stop()
    this.#reports.failed(error instanceof Error ? error : new Error(String(error)))
  }
}

function isOfNetwork(error: unknown): boolean {
  return error instanceof Error && !(error instanceof TransferError) && !(error instanceof MalformedAnswer)
}

/** Of what was thrown: refusals and the file system are final, the network is not. */
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
