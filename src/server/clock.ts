/** Time as the server sees it, so that tests can move it. */
export interface Clock {
  /** Milliseconds since 1970, for what is compared with dates. */
  readonly now: () => number
  /** Milliseconds that never jump, for durations. */
  readonly monotonicMs: () => number
}

export const systemClock: Clock = { now: () => Date.now(), monotonicMs: () => performance.now() }
