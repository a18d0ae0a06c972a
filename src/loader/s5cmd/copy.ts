/** Copies objects by s5cmd, in rounds: what fails and may succeed later is tried again, with the patience of the loader. */
import { setTimeout as sleep } from 'node:timers/promises'
import { backoffMs, patienceWithin, usualBackoff } from '../../s3/patience.ts'
import type { CredentialsSource } from '../credentials/credentials.ts'
import type { TransferError } from '../transfer/transfer-error.ts'
import type { CopyFault } from './fault.ts'
import { Round, type RoundOptions } from './round.ts'

/** Without a byte, a round ends after half of the stall-timeout, so that the other half is for another one. */
const longestSilenceMs = 30_000
/** New credentials that S3 refuses as well will not be the last. */
const mostRenewals = 3

export interface CopyOptions extends RoundOptions {
  readonly source: CredentialsSource | undefined
}

/** Resolves when all objects were copied and proved. */
export async function copyObjects(objects: readonly number[], options: CopyOptions): Promise<void> {
  const { pace, signal } = options
  const { timeoutSeconds, stallTimeoutSeconds } = options.context.task
  const patience = new RoundPatience(timeoutSeconds)
  const silenceMs = Math.min(stallTimeoutSeconds * 500, longestSilenceMs)
  let wasSilent = false
  for (let missing = objects; missing.length > 0; ) {
    // A second silence is that of the source: the stall-timeout ends the load.
    const { faults, ...end } = await new Round(missing, options).run(wasSilent ? Number.POSITIVE_INFINITY : silenceMs)
    missing = [...faults.keys()]
    const last = [...faults.values()].at(-1)
    if (last === undefined) return
    wasSilent = end.wasSilent
    if (pace.hasComeFarther()) {
      patience.begin()
      wasSilent = false
    }
    await renewIfRefused([...faults.values()], patience, options)
    const delayMs = patience.delayAfter(last.error)
    options.context.report.info(`${last.error.message}; trying ${missing.length} objects again`)
    const over = performance.now() + delayMs
    while (performance.now() < over) {
      await sleep(Math.min(delayMs, 250), undefined, { signal })
      pace.refuseStall(last.error)
    }
  }
}

/** The rest of the loader's patience, which begins with every failure that came farther than the one before. */
class RoundPatience {
  readonly #patienceMs: number
  #failures = 0
  #renewals = 0
  #giveUpAtMs: number | undefined

  constructor(timeoutSeconds: number) {
    this.#patienceMs = patienceWithin(timeoutSeconds)
  }

  begin(): void {
    this.#failures = 0
    this.#renewals = 0
    this.#giveUpAtMs = undefined
  }

  /** Throws the error where there is no patience left. */
  delayAfter(error: TransferError): number {
    this.#failures++
    this.#giveUpAtMs ??= performance.now() + this.#patienceMs
    const delayMs = backoffMs(usualBackoff, this.#failures)
    if (performance.now() + delayMs > this.#giveUpAtMs) throw error
    return delayMs
  }

  renewed(error: TransferError): void {
    if (++this.#renewals > mostRenewals) throw error
  }
}

/** S3 has refused credentials as expired. Throws where there are no others. */
async function renewIfRefused(
  faults: readonly CopyFault[],
  patience: RoundPatience,
  { source, credentials }: CopyOptions,
): Promise<void> {
  const refused = faults.find(({ reaction }) => reaction === 'refresh')
  if (refused === undefined) return
  patience.renewed(refused.error)
  const used = credentials?.lastGiven()
  const fresh = await source?.(true)
  if (fresh?.accessKeyId === used?.accessKeyId && fresh?.sessionToken === used?.sessionToken) throw refused.error
}
