/** One run of s5cmd: commands go in, files come out, and the program is ended at once where something is wrong. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { DownloadContext } from '../download-context.ts'
import type { ModelObject } from '../listing.ts'
import { TransferError } from '../transfer/transfer-error.ts'
import { arrivedName, objectOfCommand, type Arrivals, type Arriving } from './arrivals.ts'
import { concurrencyFor, copyCommand } from './commands.ts'
import type { CredentialsServer } from './credentials-server.ts'
import { faultOf, type CopyFault } from './fault.ts'
import type { Pace } from './pace.ts'
import {
  inheritedPath,
  runProgram,
  type Program,
  type ProgramEnd,
  type ProgramError,
  type RunningProgram,
} from './program.ts'
import { currentChecksum, lengthFailure } from './proof.ts'
import type { WorkQueue } from './work-queue.ts'

/** At 2 GB/s, files outgrow what was listed by 200 MB before they are looked at. */
const lookEveryMs = 100
/** Commands that s5cmd has ahead, and files that wait for their proof: looking stays cheap, and little is lost with a process. */
const mostUnproven = 512
/** For each request. Longer outages are bridged by the next round. */
const retries = 6

export interface WholeFile {
  readonly object: number
  /** Name among the arrivals; undefined for a file that is in its place already. */
  readonly arrived: string | undefined
}

export interface RoundOptions {
  readonly context: DownloadContext
  readonly program: Program
  readonly arrivals: Arrivals
  readonly pace: Pace
  readonly proofs: WorkQueue<WholeFile>
  readonly credentials: CredentialsServer | undefined
  /** Aborts with the reason that ends the download. */
  readonly signal: AbortSignal
}

export interface RoundEnd {
  /** By each object that did not arrive and may arrive later. */
  readonly faults: ReadonlyMap<number, CopyFault>
  /** True where the program was ended because nothing arrived any more. */
  readonly wasSilent: boolean
}

export class Round {
  readonly #options: RoundOptions
  readonly #objects: readonly number[]
  readonly #missing: Set<number>
  readonly #faults = new Map<number, CopyFault>()
  #given = 0
  #lastText = ''

  constructor(objects: readonly number[], options: RoundOptions) {
    this.#options = options
    this.#objects = objects
    this.#missing = new Set(objects)
  }

  /**
   * Rejects for what no repetition changes. After `longestSilenceMs` without a byte the program is ended: s5cmd waits for ever for
   * a server that is silent, and new connections may get an answer.
   */
  async run(longestSilenceMs: number): Promise<RoundEnd> {
    const { arrivals, pace, proofs, signal } = this.#options
    await arrivals.begin()
    const running = this.#start()
    try {
      let end: ProgramEnd | undefined
      const ended = running.ended.then((how) => {
        end = how
      })
      const startedAtMs = performance.now()
      const silentMs = (): number => Math.min(pace.silentMs, performance.now() - startedAtMs)
      while (end === undefined && silentMs() <= longestSilenceMs) {
        await this.#step(running)
        await Promise.race([ended, sleep(lookEveryMs, undefined, { signal })])
      }
      if (end?.failure !== undefined) throw end.failure
      await this.#step(running)
      await proofs.drained()
      const silence = `not one byte in ${longestSilenceMs / 1000} s`
      return { faults: this.#faultsOfMissing(end?.description ?? silence), wasSilent: end === undefined }
    } finally {
      running.kill()
      await running.ended
      await proofs.stopped()
      await arrivals.remove()
    }
  }

  #start(): RunningProgram {
    const { program, arrivals } = this.#options
    const { objects } = concurrencyFor(this.#objects.length)
    const args = ['--retry-count', `${retries}`, '--numworkers', `${objects}`, ...program.args, 'run']
    return runProgram({ ...program, args }, arrivals.directory, (error) => {
      this.#failed(error)
    })
  }

  #failed({ command, text }: ProgramError): void {
    // The first line of a crash says more than those of its stack.
    if (command !== '' || this.#lastText === '') this.#lastText = text
    const object = objectOfCommand(command)
    if (object !== undefined && !this.#faults.has(object)) {
      this.#faults.set(object, faultOf(text, this.#objectAt(object).key))
    }
  }

  async #step(running: RunningProgram): Promise<void> {
    const { arrivals, pace, proofs, signal } = this.#options
    signal.throwIfAborted()
    proofs.throwIfFailed()
    const there = await arrivals.look()
    await this.#refuseOutgrown(there)
    for (const { object, name } of there.filter(({ isWhole }) => isWhole)) {
      this.#missing.delete(object)
      pace.arrivedWhole(this.#objectAt(object).size)
      proofs.add({ object, arrived: name })
    }
    pace.saw(there.filter(({ isWhole }) => !isWhole))
    for (const { error, reaction } of this.#faults.values()) if (reaction === 'giveUp') throw error
    this.#give(running)
    this.#refuseStall()
  }

  /** Throws for the first file that has more bytes than its object was listed with. */
  async #refuseOutgrown(there: readonly Arriving[]): Promise<void> {
    const outgrown = there.find(({ object, size }) => size > this.#objectAt(object).size)
    if (outgrown === undefined) return
    const object = this.#objectAt(outgrown.object)
    // Not one that was replaced by a longer one: that is listed again.
    await currentChecksum(object, this.#options.context)
    throw lengthFailure(object, outgrown.isWhole ? `${outgrown.size} arrived` : `${outgrown.size} or more arrive`)
  }

  #give(running: RunningProgram): void {
    const { context } = this.#options
    const { bucket } = context.task.source
    const concurrency = concurrencyFor(this.#objects.length)
    while (this.#given < this.#objects.length && this.#unproven < mostUnproven) {
      const object = this.#objects[this.#given++] ?? 0
      const { key } = this.#objectAt(object)
      running.write(copyCommand({ bucket, key, file: inheritedPath(arrivedName(object)) }, concurrency))
    }
    if (this.#given === this.#objects.length) running.endInput()
  }

  /** Commands that s5cmd works on or has yet to read. */
  get #copying(): number {
    const arrived = this.#objects.length - this.#missing.size
    return this.#given - arrived - this.#faults.size
  }

  get #unproven(): number {
    return this.#copying + this.#options.proofs.length
  }

  #refuseStall(): void {
    const { pace, credentials } = this.#options
    if (this.#copying <= 0 || credentials?.isAsking() === true) pace.waited()
    pace.refuseStall([...this.#faults.values()].at(-1)?.error)
  }

  #faultsOfMissing(end: string): ReadonlyMap<number, CopyFault> {
    return new Map(
      [...this.#missing].map((object) => {
        const { key } = this.#objectAt(object)
        const message = `${key}: s5cmd did not copy it: ${this.#lastText === '' ? end : this.#lastText}`
        const unexplained = { error: new TransferError(message, { kind: 'network', key }), reaction: 'retry' } as const
        return [object, this.#faults.get(object) ?? unexplained] as const
      }),
    )
  }

  #objectAt(object: number): ModelObject {
    const found = this.#options.context.listing.objects[object]
    if (found === undefined) throw new Error(`a file of the unknown object ${object}`)
    return found
  }
}
