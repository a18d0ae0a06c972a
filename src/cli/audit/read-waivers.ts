/** Reads the file of `--waivers`, and says on stderr which of its waivers do nothing. */
import { aboutWaivers, type AboutWaivers } from '../../audit/waivers/about-waivers.ts'
import { parseWaivers, type Waiver } from '../../audit/waivers/parse-waivers.ts'
import { useWaivers, type WaiverUse } from '../../audit/waivers/waive.ts'
import { AppError } from '../../errors.ts'
import { matchesAny } from '../../values/pattern.ts'
import { printable } from '../../values/print/printable.ts'
import { readText } from '../read-config.ts'
import { writeReport } from '../terminal.ts'

export interface ReadWaivers extends WaiverUse {
  readonly about: AboutWaivers
}

/** Throws an AppError that has all mistakes of the file. */
export async function readWaivers(file: string, now: Date): Promise<ReadWaivers> {
  const result = parseWaivers(await readText(file, 'WaiversUnreadable'), file)
  if (!result.ok) {
    throw new AppError(
      'WaiversInvalid',
      [`${file} has no valid waivers:`, ...result.problems.map((problem) => `  ${problem}`)].join('\n'),
    )
  }
  const use = useWaivers(result.waivers, now)
  return { ...use, about: aboutWaivers(file, result.waivers, use.expired) }
}

export function reportExpired({ expired, about: { file } }: ReadWaivers): void {
  for (const waiver of expired) {
    warn(file, waiver, `counts no longer: it ended on ${waiver.until}; remove it, or give it another day`)
  }
}

/** A waiver for namespaces that were not read may have its pods there. */
export function reportUnused({ unused, about: { file } }: ReadWaivers, namespaces: readonly string[]): void {
  const isRead = ({ pods }: Waiver): boolean =>
    namespaces.length === 0 || namespaces.some((namespace) => matchesAny(pods.namespaces, namespace))
  for (const waiver of unused().filter(isRead)) {
    warn(file, waiver, 'was not used: no pod that it is for is judged so')
  }
}

function warn(file: string, { place, judgement, reason }: Waiver, what: string): void {
  writeReport(`model-injector: ${printable(file)}: ${place} (${judgement}: ${reason}) ${what}\n`)
}
