/** Limits how many connections are busy at once. */

export interface Throttle {
  limit(): number
  /** S3 asked to slow down. */
  slow(now: number): void
}

/** Time in which several SlowDown responses count as one burst. */
const quietMs = 1000

/** Part of all connections that comes back for each second without SlowDown. */
const recovery = 1 / 32

/** Halves the connections after each burst of SlowDown and adds some for each second without. */
export function startThrottle(connections: number): Throttle {
  const added = Math.max(1, Math.floor(connections * recovery))
  let base = connections
  let since = -Infinity
  const limit = (): number => Math.min(connections, base + added * Math.floor((performance.now() - since) / quietMs))
  return {
    limit,
    slow: (now) => {
      if (now - since < quietMs) return
      base = Math.max(1, Math.floor(limit() / 2))
      since = now
    },
  }
}
