/**
 * Reports admissions as Events on the owners of pods: after the response, in the background, at most ten requests a second.
 * Failures are counted, and never delay an admission.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { AdmissionRequest } from '../admission/review.ts'
import type { Outcome } from '../inject/inject.ts'
import { eventOf } from './admission-event.ts'
import type { Clock } from './clock.ts'
import { countPatch, newEvent } from './event-object.ts'
import { createEventSeries, type Series, type SeriesLimits } from './event-series.ts'
import type { Metrics } from './metrics.ts'

/** The requests to the API server. Both throw on failure. */
export interface EventsApi {
  readonly create: (namespace: string, event: object) => Promise<void>
  /** False if the Event does not exist, as when it expired and the API server removed it. */
  readonly patch: (namespace: string, name: string, patch: object) => Promise<boolean>
  readonly close: () => void
}

export interface EventRecorder {
  /** Returns at once and never throws. */
  readonly record: (request: AdmissionRequest, outcome: Outcome) => void
  /** Sends remaining Events, for two seconds at most. */
  readonly close: () => Promise<void>
}

export interface RecorderDeps {
  readonly api: EventsApi
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Pick<Metrics, 'countEvents'>
  /** Name of this replica. */
  readonly instance: string
  readonly limits?: SeriesLimits
  readonly tickMs?: number
}

const defaultTickMs = 100
const flushMs = 2_000
const logEveryMs = 60_000

export function createEventRecorder(deps: RecorderDeps): EventRecorder {
  const { api, clock, metrics, logger, tickMs = defaultTickMs } = deps
  const all = createEventSeries(deps.limits)
  const logFailure = failureLog(deps)
  let writing: Promise<void> | undefined

  function record(request: AdmissionRequest, outcome: Outcome): void {
    try {
      const event = eventOf(request, outcome)
      if (event !== undefined && !all.add(event, clock.monotonicMs())) metrics.countEvents('dropped', 1)
    } catch (error) {
      logger.error({ err: error }, 'an Event could not be made')
    }
  }

  /** One request at a time: a slow API server gets no additional load. */
  function tick(): void {
    if (writing !== undefined) return
    const nowMs = clock.monotonicMs()
    const dropped = all.expire(nowMs)
    if (dropped > 0) metrics.countEvents('dropped', dropped)
    const series = all.next(nowMs)
    if (series === undefined) return
    writing = write(series).finally(() => {
      writing = undefined
    })
  }

  async function write(series: Series): Promise<void> {
    const count = series.unsent
    all.postpone(series, clock.monotonicMs())
    try {
      await send(series, count, deps)
      all.wrote(series, count)
      metrics.countEvents('sent', 1)
    } catch (error) {
      metrics.countEvents('failed', 1)
      logFailure(error)
    }
  }

  async function flush(): Promise<void> {
    await writing
    for (const series of all.unsent()) await write(series)
  }

  const timer = setInterval(tick, tickMs)
  timer.unref()
  return {
    record,
    close: async () => {
      clearInterval(timer)
      const flushed = new AbortController()
      await Promise.race([flush(), sleep(flushMs, undefined, { signal: flushed.signal })])
      flushed.abort()
      api.close()
    },
  }
}

async function send(series: Series, count: number, { api, clock, instance }: RecorderDeps): Promise<void> {
  const { namespace } = series.event.owner
  const context = { instance, nowMs: clock.now() }
  if (series.sent > 0 && (await api.patch(namespace, series.name, countPatch(series, count, context)))) return
  await api.create(namespace, newEvent(series, series.sent + count, context))
}

/** A missing permission fails every time, so at most one line a minute is logged. */
function failureLog({ clock, logger }: RecorderDeps): (error: unknown) => void {
  let silentUntilMs = -Infinity
  return (error) => {
    const nowMs = clock.monotonicMs()
    if (nowMs < silentUntilMs) return
    silentUntilMs = nowMs + logEveryMs
    logger.warn({ problem: error instanceof Error ? error.message : String(error) }, 'an Event could not be written')
  }
}
