/** Describes the waivers of an audit for its readers. */
import type { Waiver } from './parse-waivers.ts'

export interface AboutWaivers {
  readonly file: string
  /** Those that count. */
  readonly inForce: number
  readonly expired: readonly AboutWaiver[]
}

type AboutWaiver = Pick<Waiver, 'place' | 'judgement' | 'reason' | 'until'>

export function aboutWaivers(file: string, waivers: readonly Waiver[], expired: readonly Waiver[]): AboutWaivers {
  return {
    file,
    inForce: waivers.length - expired.length,
    expired: expired.map(({ place, judgement, reason, until }) => ({ place, judgement, reason, until })),
  }
}
