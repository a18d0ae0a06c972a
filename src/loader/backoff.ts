/** Retries with pauses between attempts. */
import { setTimeout as sleep } from 'node:timers/promises'

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

export type TryResult<T> =
  | { readonly ok: true; readonly value: T }
  /** A failure that may be temporary. */
  | { readonly ok: false; readonly problem: string }

export interface Patience extends Backoff {
  readonly patienceMs: number
  readonly signal: AbortSignal
  /** Called before each pause. */
  readonly onProblem: (problem: string) => void
}

/** Retries until there is an answer. Gives the last problem where the next pause could end after `patienceMs`. */
export async function askPatiently<T>(ask: () => Promise<TryResult<T>>, patience: Patience): Promise<TryResult<T>> {
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
