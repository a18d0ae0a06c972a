/** Reports long waits: an init container that is silent for a minute looks as if it hung. */

/** A line in the log. */
export type Say = (line: string) => void

const usualEveryMs = 5000

/** Writes a line for a problem that will be tried again, at most every few seconds: many requests meet it at the same time. */
export function rareProblems(say: Say, what: string, everyMs = usualEveryMs): (problem: string) => void {
  let toldAtMs = Number.NEGATIVE_INFINITY
  return (problem) => {
    const nowMs = performance.now()
    if (nowMs - toldAtMs < everyMs) return
    toldAtMs = nowMs
    say(`waiting for ${what}: ${problem}`)
  }
}

/** Writes a line at once for the first problem, and every few seconds until the work ends. */
export async function reportWaiting<T>(
  say: Say,
  what: string,
  work: (onProblem: (problem: string) => void) => Promise<T>,
  everyMs = usualEveryMs,
): Promise<T> {
  const beganAtMs = performance.now()
  let last: string | undefined
  const report = (): void => {
    const seconds = Math.round((performance.now() - beganAtMs) / 1000)
    say(`waiting for ${what}${seconds === 0 ? '' : `, ${seconds} s so far`}${last === undefined ? '' : `: ${last}`}`)
  }
  const timer = setInterval(report, everyMs)
  try {
    return await work((problem) => {
      const isFirst = last === undefined
      last = problem
      if (isFirst) report()
    })
  } finally {
    clearInterval(timer)
  }
}
