/**
 * The limits of a load: they end it although a call of the file system may never return. A thread that waits for a dead NFS server
 * or a stalled FUSE daemon can be neither stopped nor waited for, so the process ends without it.
 */
import { LoaderFailure } from './exit-codes.ts'
import { hangingCall } from './volume/calls.ts'

export interface Deadlines {
  /** Limit of the whole; undefined for none. */
  readonly timeoutSeconds: number | undefined
  /** Limit of one call of the file system; undefined for none. */
  readonly stallTimeoutSeconds: number | undefined
}

export interface Watch {
  /** Its reason becomes the failure of the work. */
  readonly signal: AbortSignal
  /** Ends the work, which may hang, with this failure. */
  readonly giveUp: (failure: LoaderFailure) => void
}

/** setTimeout fires at once for longer delays (over 24 days). */
const longestTimerMs = 2 ** 31 - 1
/** Time of work that was given up for leaving the volume in order: files closed, the lock released. */
const graceMs = 1000

/**
 * Ends the work at its limits, and on SIGTERM, which leaves a state that the next run continues from. Rejects even if the work
 * does not end; the process must then be ended by endStuckProcess().
 */
export async function withLimits<T>(limits: Deadlines, work: (watch: Watch) => Promise<T>): Promise<T> {
  const end = new AbortController()
  const overGrace = Promise.withResolvers<never>()
  let grace: NodeJS.Timeout | undefined
  const giveUp = (failure: LoaderFailure): void => {
    if (end.signal.aborted) return
    end.abort(failure)
    grace = setTimeout(overGrace.reject, graceMs, failure)
  }
  const stop = watchLimits(limits, giveUp)
  try {
    return await Promise.race([work({ signal: end.signal, giveUp }), overGrace.promise])
  } catch (error) {
    // Any error after the abort is a consequence of it, so its reason is reported.
    throw end.signal.aborted ? end.signal.reason : error
  } finally {
    stop()
    clearTimeout(grace)
  }
}

/** Returns a function that ends the watch. */
function watchLimits({ timeoutSeconds, stallTimeoutSeconds }: Deadlines, giveUp: Watch['giveUp']): () => void {
  const overdue =
    timeoutSeconds === undefined
      ? undefined
      : setTimeout(
          () => {
            giveUp(new LoaderFailure('NoProgress', `not finished within ${timeoutSeconds} s`))
          },
          Math.min(timeoutSeconds * 1000, longestTimerMs),
        )
  const calls = stallTimeoutSeconds === undefined ? undefined : watchCalls(stallTimeoutSeconds, giveUp)
  const terminate = (): void => {
    giveUp(new LoaderFailure('Terminated', 'stopped on request'))
  }
  process.once('SIGTERM', terminate)
  process.once('SIGINT', terminate)
  return () => {
    clearTimeout(overdue)
    clearInterval(calls)
    process.off('SIGTERM', terminate)
    process.off('SIGINT', terminate)
  }
}

function watchCalls(seconds: number, giveUp: Watch['giveUp']): NodeJS.Timeout {
  const look = (): void => {
    const call = hangingCall(seconds * 1000)
    if (call === undefined) return
    const message = `${call.path}: the file system has not answered for ${seconds} s`
    giveUp(new LoaderFailure('NoProgress', message, { remedy: 'look at the volume and at what serves it' }))
  }
  return setInterval(look, Math.min(1000, seconds * 250)).unref()
}

/**
 * Ends a process that something still holds a second after its work is over. process.exit() would wait for ever for threads that
 * hang in a call; execve(2) ends them, and the new program has nothing to do but to end with the code. The flags of Node stay.
 */
export function endStuckProcess(code: number): void {
  const end = (): void => {
    process.execve?.(process.execPath, [process.execPath, ...process.execArgv, '--eval', `process.exit(${code})`], {})
  }
  setTimeout(end, graceMs).unref()
}
