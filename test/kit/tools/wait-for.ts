import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MILLISECONDS = 100
/** A limit for what never comes: on a busy machine everything that comes takes many times longer than on an idle one. */
const LONGEST_WAIT_SECONDS = 150

export interface WaitForOptions {
  readonly timeoutSeconds?: number
  /** Ends the wait at once with the signal's reason, for what makes the condition unreachable. */
  readonly signal?: AbortSignal
}

/** Returns the first value other than undefined; an error thrown by the condition counts as "not yet". */
export async function waitFor<T>(
  description: string,
  condition: () => Promise<T | undefined>,
  { timeoutSeconds = LONGEST_WAIT_SECONDS, signal }: WaitForOptions = {},
): Promise<T> {
  const deadline = new AbortController()
  const timer = setTimeout(() => {
    deadline.abort()
  }, timeoutSeconds * 1000)
  const ended = AbortSignal.any([deadline.signal, ...(signal === undefined ? [] : [signal])])
  const end = whenAborted(ended)
  let lastError: unknown
  try {
    while (!ended.aborted) {
      // Raced with the end, because a condition may hang (a request that is never answered).
      const attempt = condition().catch((error: unknown): undefined => {
        lastError = error
      })
      const value = await Promise.race([attempt, end])
      if (value !== undefined) return value
      await sleep(POLL_MILLISECONDS, undefined, { signal: ended }).catch(() => undefined)
    }
  } finally {
    clearTimeout(timer)
  }
  signal?.throwIfAborted()
  throw new Error(`waited ${timeoutSeconds} s for ${description}${lastErrorText(lastError)}`, { cause: lastError })
}

function whenAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    signal.addEventListener(
      'abort',
      () => {
        resolve(undefined)
      },
      { once: true },
    )
  })
}

function lastErrorText(error: unknown): string {
  if (error === undefined) return ''
  return `; the last error: ${error instanceof Error ? error.message : JSON.stringify(error)}`
}
