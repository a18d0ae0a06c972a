/** The server's clock, replaceable in tests. */
export interface Clock {
  /** Milliseconds since 1970, for comparison with dates. */
  readonly now: () => number
  /** Monotonic milliseconds, for durations. */
  readonly monotonicMs: () => number
}

export const systemClock: Clock = { now: () => Date.now(), monotonicMs: () => performance.now() }
