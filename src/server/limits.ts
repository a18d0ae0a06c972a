/** Limits on the resources that clients can hold, and for how long. */

const MiB = 1024 * 1024

export interface Limits {
  readonly bodyBytes: number
  readonly inFlightBodyBytes: number
  readonly connections: number
  readonly handshakes: number
  readonly waitingConnections: number
  readonly longestWaitMs: number
  readonly requestTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  readonly socketTimeoutMs: number
  readonly handshakeTimeoutMs: number
}

export const defaultLimits: Limits = {
  // An object has 3 MiB at most, and an UPDATE contains two of them.
  bodyBytes: 7 * MiB,
  // 18 of the largest bodies, or some 16,000 usual pods.
  inFlightBodyBytes: 128 * MiB,
  // An idle TLS connection costs about 50 KiB; an API server keeps a few dozen.
  connections: 1000,
  // At once: some tenths of a second of work.
  handshakes: 64,
  // Without TLS: 4 KiB each. As many as a node lets wait (net.core.somaxconn).
  waitingConnections: 4096,
  // Twice the default of `webhook.timeoutSeconds`: later hardly any client still waits.
  longestWaitMs: 10_000,
  // Covers only receiving. An API server waits for a webhook 30 s at most.
  requestTimeoutMs: 15_000,
  // API servers reuse a connection that was idle for 90 s; a server that closes earlier loses requests in flight.
  keepAliveTimeoutMs: 95_000,
  // Disconnects clients that never read their response.
  socketTimeoutMs: 120_000,
  handshakeTimeoutMs: 10_000,
}
