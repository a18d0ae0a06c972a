/** How many connections may be busy at once. */

export interface Throttle {
  /** Connections that may be busy now. */
  limit(): number
  /** S3 asked to slow down. */
  slow(now: number): void
}

/** Many answers of one burst count once. */
const quietMs = 1000

/** Half as many connections after each burst of SlowDown, one more for each quiet second. */
export function startThrottle(connections: number): Throttle {
  let base = connections
  let since = -Infinity
  const limit = (): number => Math.min(connections, base + Math.floor((performance.now() - since) / quietMs))
  return {
    limit,
    slow: (now) => {
      if (now - since < quietMs) return
      base = Math.max(1, Math.floor(limit() / 2))
      since = now
    },
  }
}
