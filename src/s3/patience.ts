/** The one policy of trying again: for listings, HEADs, bytes, STS and the agent that gives credentials. */
import { setTimeout as sleep } from 'node:timers/promises'

/** A new association takes "several seconds" to propagate (CreatePodIdentityAssociation); the network of a new pod up to half a minute. */
export const longestPatienceMs = 90_000
export const usualBackoff: Backoff = { firstDelayMs: 100, longestDelayMs: 8_000 }

/** Well before a deadline of the whole, whose message would not name what is waited for. */
export function patienceWithin(timeoutSeconds: number): number {
  return Math.min(longestPatienceMs, timeoutSeconds * 500)
}

export interface Backoff {
  readonly firstDelayMs: number
  readonly longestDelayMs: number
}

/**
 * Exponential with full jitter (any time up to the delay): a job that starts a thousand pods must not send a thousand requests
 * in the same instant. `failures` counts from 1.
 */
export function backoffMs(backoff: Backoff, failures: number): number {
  return Math.random() * longestMs(backoff, failures)
}

export type TryResult<T, P = string> =
  | { readonly ok: true; readonly value: T }
  /** A failure that may be temporary. */
  | { readonly ok: false; readonly problem: P }

export interface Patience<P = string> extends Backoff {
  readonly patienceMs: number
  readonly signal: AbortSignal
  /** Called before each pause. */
  readonly onProblem: (problem: P) => void
}

/** Retries until there is an answer. Gives the last problem where the next pause could end after `patienceMs`. */
export async function askPatiently<T, P = string>(
  ask: () => Promise<TryResult<T, P>>,
  patience: Patience<P>,
): Promise<TryResult<T, P>> {
  const { patienceMs, signal, onProblem } = patience
  const giveUpAtMs = performance.now() + patienceMs
  for (let failures = 1; ; failures++) {
    const answer = await ask()
    if (answer.ok || performance.now() + longestMs(patience, failures) > giveUpAtMs) return answer
    onProblem(answer.problem)
    await sleep(backoffMs(patience, failures), undefined, { signal })
  }
}

function longestMs({ firstDelayMs, longestDelayMs }: Backoff, failures: number): number {
  return Math.min(longestDelayMs, firstDelayMs * 2 ** (failures - 1))
}
