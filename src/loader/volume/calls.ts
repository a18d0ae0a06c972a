/**
 * Calls of the file system that are under way. One that hangs (a dead NFS server, a stalled FUSE daemon) never returns, and no
 * signal ends it: the watchdog looks for the oldest.
 */

interface Call {
  readonly path: string
  readonly sinceMs: number
}

const underWay = new Set<Call>()

/** Counts the call as under way until it settles. */
export async function timed<T>(path: string, call: Promise<T>): Promise<T> {
  const entry = { path, sinceMs: performance.now() }
  underWay.add(entry)
  try {
    return await call
  } finally {
    underWay.delete(entry)
  }
}

/** A call that is under way for longer than `forMs`. */
export function hangingCall(forMs: number): Call | undefined {
  const [oldest] = underWay
  return oldest !== undefined && performance.now() - oldest.sinceMs > forMs ? oldest : undefined
}
