/** Says what is waited for: an init container that is silent for a minute looks as if it hung. */

/** A line in the log. */
export type Say = (line: string) => void

const usualEveryMs = 5000

/** A line at once for the first problem, and every few seconds until the work ends. */
export async function tellWaiting<T>(
  say: Say,
  what: string,
  work: (onProblem: (problem: string) => void) => Promise<T>,
  everyMs = usualEveryMs,
): Promise<T> {
  const beganAtMs = performance.now()
  let last: string | undefined
  const tell = (): void => {
    const seconds = Math.round((performance.now() - beganAtMs) / 1000)
    say(`waiting for ${what}${seconds === 0 ? '' : `, ${seconds} s so far`}${last === undefined ? '' : `: ${last}`}`)
  }
  const timer = setInterval(tell, everyMs)
  try {
    return await work((problem) => {
      const isFirst = last === undefined
      last = problem
      if (isFirst) tell()
    })
  } finally {
    clearInterval(timer)
  }
}
